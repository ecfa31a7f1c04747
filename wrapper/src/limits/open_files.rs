//! Files that were deleted but still take room, because a process has them open (proc(5)).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::nofollow::Identity;

/// Kinds of file systems that take memory, not disk (statfs(2)): tmpfs, ramfs, hugetlbfs.
const IN_MEMORY: [u64; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    /// Bytes of allocated blocks of each deleted file.
    pub(super) files: HashMap<Identity, u64>,
    /// Processes whose open files may not be seen.
    pub(super) unreadable: u64,
}

/// Deleted regular files that the processes have open: those on the file systems `devices`, and those on any other file
/// system that is not in memory.
pub(super) fn unlinked_open_files(processes: &[u32], devices: &HashSet<u64>) -> OpenFiles {
    let mut found = OpenFiles::default();
    for process in processes {
        let directory = format!("/proc/{process}/fd");
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                found.unreadable += u64::from(error.kind() == io::ErrorKind::PermissionDenied);
                continue;
            }
        };
        for entry in entries.flatten() {
            // The kernel's own link: it leads to the open file, whatever its name has become.
            let Ok(data) = fs::metadata(entry.path()) else { continue };
            let on_disk = || devices.contains(&data.dev()) || !is_in_memory(&entry.path());
            if data.nlink() == 0 && data.is_file() && on_disk() {
                let identity = Identity { device: data.dev(), inode: data.ino() };
                found.files.insert(identity, data.blocks() * 512);
            }
        }
    }
    found
}

fn is_in_memory(path: &Path) -> bool {
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "of another type on other processors")]
    rustix::fs::statfs(path).is_ok_and(|stat| IN_MEMORY.contains(&(stat.f_type as u64 & 0xffff_ffff)))
}

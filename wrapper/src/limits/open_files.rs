//! Files that were deleted but still take room, because a process has them open (proc(5)).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;

use boinc::platform::{Identity, entry_at, is_in_memory};

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
            let Ok(file) = entry_at(&entry.path()) else { continue };
            let on_disk = || devices.contains(&file.identity.device) || !is_in_memory(&entry.path());
            if file.links == 0 && file.is_file() && on_disk() {
                found.files.insert(file.identity, file.allocated_bytes);
            }
        }
    }
    found
}

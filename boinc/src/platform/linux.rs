//! What Linux alone has.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fstat, openat, statfs, syncfs};

use super::entry::Entry;
use super::unix::{Directory, entry, set_mode};

/// Kinds of file systems that take memory, not disk (statfs(2)): tmpfs, ramfs, hugetlbfs.
const IN_MEMORY: [u64; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];

/// Whether a file is on a file system that takes memory, not disk.
pub fn is_in_memory(path: &Path) -> bool {
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "of another type on other processors")]
    statfs(path).is_ok_and(|stat| IN_MEMORY.contains(&(stat.f_type as u64 & 0xffff_ffff)))
}

impl Directory {
    /// Waits until everything that was written to the directory's file system would survive a power cut.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn sync_file_system(&self) -> io::Result<()> {
        Ok(syncfs(&self.fd)?)
    }

    /// Changes the permissions of a name to what `wanted` answers for it; `None` leaves them. A link is not followed.
    ///
    /// # Errors
    /// When the name is missing, or the kernel refuses.
    pub fn change_mode(
        &self,
        name: impl AsRef<OsStr>,
        wanted: impl FnOnce(&Entry) -> Option<u32>,
    ) -> io::Result<()> {
        // A file without permissions can be named so but not opened, and the kernel changes no mode through such a
        // descriptor: only through its name in /proc, which leads to exactly this file.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name.as_ref(), flags, Mode::empty())?;
        let entry = entry(&fstat(&fd)?);
        match wanted(&entry) {
            Some(mode) if mode != entry.mode && !entry.is_symlink() => {
                let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
                set_mode(path.as_ref(), mode)
            }
            _ => Ok(()),
        }
    }
}

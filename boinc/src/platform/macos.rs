//! What macOS does in another way than Linux.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, chmodat, fsync};

use super::entry::Entry;
use super::unix::{Directory, raw_mode};

/// Whether a file is on a file system that takes memory, not disk: there is none that a job can write to.
pub fn is_in_memory(_path: &Path) -> bool {
    false
}

impl Directory {
    /// Waits until everything that was written to the directory's file system would survive a power cut; here the directory
    /// alone, since no agent runs on macOS.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn sync_file_system(&self) -> io::Result<()> {
        Ok(fsync(&self.fd)?)
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
        let name = name.as_ref();
        let entry = self.entry_of(name)?.ok_or(io::ErrorKind::NotFound)?;
        match wanted(&entry) {
            Some(mode) if mode != entry.mode && !entry.is_symlink() => {
                Ok(chmodat(&self.fd, name, Mode::from_raw_mode(raw_mode(mode)), AtFlags::SYMLINK_NOFOLLOW)?)
            }
            _ => Ok(()),
        }
    }
}

//! One build of an image at a time on a host, across processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::Cancel;

/// A lock that ends with its holder's process, however that ends.
#[derive(Debug)]
pub struct HostLock {
    _file: File,
}

/// There is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Its file can't be made.
    #[error("can't lock {}", path.display())]
    File {
        /// The lock's file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Stopped waiting at our own wish.
    #[error("cancelled")]
    Cancelled,
}

const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl HostLock {
    /// Takes the lock `name` in `directory` if it is free now.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn try_now(directory: &Path, name: &str) -> Result<Option<Self>, LockError> {
        let (file, path) = Self::open(directory, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(LockError::File { path, source }),
        }
    }

    /// Takes the lock together with others who take it so; waits while somebody holds it alone.
    ///
    /// # Errors
    /// When its file cannot be made, or when cancelled.
    pub fn share(directory: &Path, name: &str, cancel: &Cancel) -> Result<Self, LockError> {
        Self::take(directory, name, File::try_lock_shared, cancel)
    }

    fn open(directory: &Path, name: &str) -> Result<(File, PathBuf), LockError> {
        let path = directory.join(format!("{name}.lock"));
        let failed = |source| LockError::File { path: path.clone(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        Ok((file, path))
    }

    /// Waits for the lock `name` in `directory` until it is free.
    ///
    /// # Errors
    /// When its file can't be made, or when cancelled.
    pub fn wait(directory: &Path, name: &str, cancel: &Cancel) -> Result<Self, LockError> {
        Self::take(directory, name, File::try_lock, cancel)
    }

    fn take(
        directory: &Path,
        name: &str,
        try_lock: fn(&File) -> Result<(), TryLockError>,
        cancel: &Cancel,
    ) -> Result<Self, LockError> {
        let (file, path) = Self::open(directory, name)?;
        loop {
            match try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(LockError::File { path, source }),
            }
            if cancel.is_cancelled() {
                return Err(LockError::Cancelled);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_and_can_be_called_off() {
        let directory = tempfile::tempdir().unwrap();
        let cancel = Cancel::default();
        let held = HostLock::wait(directory.path(), "key", &cancel).unwrap();
        let waiting = std::thread::spawn({
            let (path, cancel) = (directory.path().to_owned(), cancel.clone());
            move || HostLock::wait(&path, "key", &cancel)
        });
        cancel.cancel();
        assert!(matches!(waiting.join().unwrap(), Err(LockError::Cancelled)));
        drop(held);
        cancel.reset();
        HostLock::wait(directory.path(), "key", &cancel).unwrap();
    }
}

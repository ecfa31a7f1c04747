//! `boinc_lockfile`: keeps two instances of an app out of one slot (`api/boinc_api.cpp`, `lib/filesys.cpp`
//! `FILE_LOCK`). It is the same kind of lock as BOINC's, so that BOINC's programs and ours exclude each other.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::file_error::FileError;
use crate::platform::open_locked;

/// Name of the file in a slot.
pub const LOCK_FILE: &str = "boinc_lockfile";

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another program runs in this slot.
    #[error("another program holds {}", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// The file cannot be opened or locked.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The held lock. Dropping it frees the slot; the file is removed, as BOINC's API does.
///
/// On Windows nothing else can open the file meanwhile. Elsewhere a record lock belongs to the process and is lost when *any* descriptor of the file is closed: open
/// `boinc_lockfile` nowhere else.
#[derive(Debug)]
pub struct SlotLock {
    path: PathBuf,
    // Held for its lock.
    _file: File,
}

impl SlotLock {
    /// Takes the lock, or says at once who cannot. BOINC's API tries again once after 35 s, since the
    /// client may start an app again while the last one is still leaving.
    ///
    /// # Errors
    /// The lock is held, or the file cannot be opened.
    pub fn try_acquire(slot: &Path) -> Result<Self, LockError> {
        let path = slot.join(LOCK_FILE);
        match open_locked(&path).map_err(FileError::new("cannot lock", &path))? {
            Some(file) => Ok(Self { path, _file: file }),
            None => Err(LockError::Held { path }),
        }
    }
}

impl Drop for SlotLock {
    fn drop(&mut self) {
        // While the lock is still held: after it, the file could be the next program's.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    const SLOT: &str = "BUOY_TEST_LOCK_SLOT";

    /// Record locks do not conflict within a process, so the other program is this test binary again.
    #[test]
    fn another_program() {
        let Some(slot) = std::env::var_os(SLOT) else { return };
        let lock = SlotLock::try_acquire(Path::new(&slot));
        println!("\nlock: {}", if lock.is_ok() { "taken" } else { "refused" });
        // Until the test closes our standard input.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
    }

    struct Other {
        process: std::process::Child,
        // Kept open, so that the other program can go on writing.
        _output: BufReader<std::process::ChildStdout>,
        answer: String,
    }

    fn start_other(slot: &Path) -> Other {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "wire::slot::lock::tests::another_program", "--nocapture"])
            .env(SLOT, slot)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let answer = output.by_ref().lines().map(Result::unwrap).find(|line| line.starts_with("lock: "));
        Other { process, _output: output, answer: answer.unwrap() }
    }

    fn stop(mut other: Other) {
        drop(other.process.stdin.take());
        assert!(other.process.wait().unwrap().success());
    }

    #[test]
    fn a_second_program_is_refused_until_the_first_leaves() {
        let slot = tempfile::tempdir().unwrap();
        let lock = SlotLock::try_acquire(slot.path()).unwrap();
        let other = start_other(slot.path());
        assert_eq!(other.answer, "lock: refused");
        stop(other);
        drop(lock);
        assert!(!slot.path().join(LOCK_FILE).exists());
        let other = start_other(slot.path());
        assert_eq!(other.answer, "lock: taken");
        let error = SlotLock::try_acquire(slot.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
        stop(other);
        SlotLock::try_acquire(slot.path()).unwrap();
    }

    #[test]
    fn a_slot_that_is_gone_is_named() {
        let slot = Path::new("/nonexistent/slot");
        let error = SlotLock::try_acquire(slot).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot lock {}", slot.join(LOCK_FILE).display()));
    }
}

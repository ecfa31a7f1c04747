//! The program file of this process, which an upgrade puts another in place of.

use std::path::{Path, PathBuf};

use boinc::platform::{Identity, entry_at};

/// Which file this process runs.
#[derive(Debug)]
pub(crate) struct OwnProgram {
    path: PathBuf,
    /// What was there; `None` if it cannot be determined.
    identity: Option<Identity>,
}

impl OwnProgram {
    /// As things are now; to be asked when the process begins.
    pub(crate) fn new() -> std::io::Result<Self> {
        let path = std::env::current_exe()?;
        Ok(Self { identity: identity(&path), path })
    }

    /// Its path, where a new one would be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another file is in its place. One that was only removed, as in the middle of an upgrade, is not replaced.
    pub(crate) fn is_replaced(&self) -> bool {
        identity(&self.path).is_some_and(|there| self.identity.is_some_and(|own| own != there))
    }
}

fn identity(path: &Path) -> Option<Identity> {
    entry_at(path).ok().map(|entry| entry.identity)
}

//! The profile that Podman has on this host.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::rules::Profile;

/// Larger than any profile.
const MAX_BYTES: u64 = 4 << 20;

/// The file is not used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a profile as this version knows it.
    #[error("invalid seccomp profile {path}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Reads it; whatever is not understood is an error.
pub fn read(path: &Path) -> Result<Profile, ProfileError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text))
        .map_err(|source| ProfileError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| ProfileError::Invalid { path: path.to_owned(), source })
}

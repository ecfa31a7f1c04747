//! A file, what was to be done with it, and what the system answered.

use std::io;
use std::path::{Path, PathBuf};

/// The system refuses something about a file.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub struct FileError {
    /// What failed, for the start of the message: `failed to read`.
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system answered.
    pub source: io::Error,
}

impl FileError {
    /// Makes an answer of the system an error about `path`: for `map_err`.
    pub fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// The result, or `None` if the file does not exist.
///
/// # Errors
/// All but [`io::ErrorKind::NotFound`].
pub fn if_found<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

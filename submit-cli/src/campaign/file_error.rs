//! A file operation that failed, with the file and what was tried.

use std::io;
use std::path::{Path, PathBuf};

/// A file operation failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {doing}", .path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What was tried.
    pub doing: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`.
    pub fn at(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { path: path.to_owned(), doing, source }
    }
}

/// Makes a directory, and those above it, where there are none.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(FileError::at(path, "create the directory"))
}

/// Removes a file, if there is one.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at(path, "remove it")(error)),
        _ => Ok(()),
    }
}

/// Writes a file whole: a crash leaves the one before.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    boinc::atomic_file::write_atomically(path, bytes).map_err(FileError::at(path, "write it"))
}

//! Files that only the user may read.

use std::io::Write;
use std::path::Path;

use boinc::platform::replace;

use super::ConfigError;
use crate::platform::{make_private_directories, mode_of_secret, write_private};

fn failed<'a>(path: &'a Path, doing: &'static str) -> impl Fn(std::io::Error) -> ConfigError + 'a {
    move |source| ConfigError::Io { path: path.to_owned(), doing, source }
}

/// Refuses a file or directory with any of the mode's bits in `forbidden`.
///
/// # Errors
/// It has one, or can't be looked at.
pub fn check(path: &Path, forbidden: u32, wanted: u32) -> Result<(), ConfigError> {
    let mode = mode_of_secret(path).map_err(failed(path, "inspect"))?;
    if mode & forbidden != 0 {
        return Err(ConfigError::Invalid(format!(
            "{0}: other users can read or change this file (mode {mode:03o}); run chmod {wanted:o} {0}",
            path.display()
        )));
    }
    Ok(())
}

/// The text of a secret file, `None` if it is not there.
///
/// # Errors
/// Others can read it, or we can't.
pub fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "inspect")(error)),
        Ok(_) => check(path, 0o077, 0o600)?,
    }
    std::fs::read_to_string(path).map(Some).map_err(failed(path, "read"))
}

/// Makes a directory for the user alone, or leaves the one that is there, closed to others.
///
/// # Errors
/// It can't be made.
pub fn make_dir(path: &Path) -> Result<(), ConfigError> {
    make_private_directories(path).map_err(failed(path, "create the directory"))?;
    check(path, 0o022, 0o700)
}

/// Writes a file for the user alone, whole or not at all.
///
/// # Errors
/// It can't be written.
pub fn write(path: &Path, text: &str) -> Result<(), ConfigError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = write_private(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        replace(&new, path)
    });
    written.inspect_err(|_| drop(std::fs::remove_file(&new))).map_err(failed(path, "write"))
}

//! Removes trees that a job has made.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::walk::{Flow, Visitor, walk};
use crate::platform::{Directory, Entry};

/// Another process may still write into the tree.
const ATTEMPTS: u32 = 3;

/// Removes a directory with everything in it: paths of any depth, directories without permissions, nothing through links.
/// A missing directory counts as removed.
///
/// # Errors
/// The first thing that could not be removed.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    match std::fs::canonicalize(parent).and_then(|parent| Directory::open(&parent)) {
        Ok(parent) => remove_tree_in(&parent, name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a name with everything below it, whatever it is. A missing name counts as removed.
///
/// # Errors
/// The first thing that could not be removed.
pub fn remove_tree_in(parent: &Directory, name: impl AsRef<OsStr>) -> io::Result<()> {
    let name = name.as_ref();
    let mut removal = Removal { failed: None };
    for _ in 0..ATTEMPTS {
        match parent.entry_of(name)? {
            None => return Ok(()),
            Some(entry) if entry.is_directory() => {}
            Some(_) => return parent.remove_file(name),
        }
        removal.failed = None;
        walk(&parent.open_accessible(name)?, &mut removal)?;
        match parent.remove_directory(name) {
            Ok(()) => return Ok(()),
            Err(error) => {
                removal.failed.get_or_insert((name.to_owned(), error));
            }
        }
    }
    match removal.failed {
        None => Ok(()),
        Some((name, error)) => {
            Err(io::Error::new(error.kind(), format!("{}: {error}", name.to_string_lossy())))
        }
    }
}

struct Removal {
    failed: Option<(OsString, io::Error)>,
}

impl Removal {
    fn note(&mut self, name: &OsStr, result: io::Result<()>) {
        if let (Err(error), None) = (result, &self.failed) {
            self.failed = Some((name.to_owned(), error));
        }
    }
}

impl Visitor for Removal {
    fn entry(&mut self, directory: &Directory, name: &OsStr, entry: &Entry) -> Flow {
        if !entry.is_directory() {
            self.note(name, directory.remove_file(name));
        }
        Flow::Enter
    }

    fn leave(&mut self, parent: &Directory, name: &OsStr) {
        self.note(name, parent.remove_directory(name));
    }
}

#[cfg(test)]
mod tests;

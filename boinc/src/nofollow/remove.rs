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
mod tests {
    #![cfg(unix)]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_target_of_a_link_stays() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("tree/sub")).unwrap();
        fs::create_dir(root.path().join("home")).unwrap();
        fs::write(root.path().join("home/precious"), "old").unwrap();
        symlink(root.path().join("home"), root.path().join("tree/sub/link")).unwrap();
        symlink(root.path().join("home"), root.path().join("link")).unwrap();
        for name in ["tree", "link", "link", "absent/tree"] {
            remove_tree(&root.path().join(name)).unwrap();
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert!(root.path().join("home/precious").exists());
    }

    #[test]
    fn directories_without_permissions_go_too() {
        let root = tempfile::tempdir().unwrap();
        for mode in [0o000, 0o400, 0o100, 0o200, 0o600] {
            let tree = root.path().join("tree");
            fs::create_dir_all(tree.join("closed/below")).unwrap();
            fs::write(tree.join("closed/below/file"), "").unwrap();
            for path in ["closed/below", "closed", ""] {
                fs::set_permissions(tree.join(path), Permissions::from_mode(mode)).unwrap();
            }
            remove_tree(&tree).unwrap();
            assert!(!tree.exists(), "{mode:o}");
        }
    }
}

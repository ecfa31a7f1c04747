//! Directories of ours, in which nobody else has anything to read or to put.

use std::fs;
use std::io;
use std::path::Path;

use crate::platform::make_private_directories;

/// Makes a directory for this user alone, unless it is there. A link in its place is refused: it would lead elsewhere.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    make_private_directories(path)?;
    if fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotADirectory, "expected a directory, found a symbolic link"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_directory_is_private_and_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        create_directory(&path).unwrap();
        create_directory(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        symlink("/tmp", dir.path().join("link")).unwrap();
        assert!(create_directory(&dir.path().join("link")).is_err());
    }
}

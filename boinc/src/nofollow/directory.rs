//! What is done to one name in an open directory, from its system calls.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use crate::platform::{Directory, entry_of_file, user};

/// Where the parent directory of a name such as `results/a.txt` is.
#[derive(Debug)]
pub enum Parent<'n> {
    /// It exists: the directory, and the last part of the name.
    Found(Directory, &'n OsStr),
    /// One of the directories does not exist.
    Missing,
    /// This part of the name is a link or a file, not a directory.
    NotADirectory(PathBuf),
}

impl Directory {
    /// Opens a directory in this one, and gives its owner all permissions on it first if they are missing: a job can take
    /// them away from the user of the client.
    ///
    /// # Errors
    /// When it is missing, is not a directory, or cannot be opened in spite of that.
    pub fn open_accessible(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let directory = match self.open_directory(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.change_mode(name, |entry| entry.is_directory().then_some(entry.mode | 0o700))?;
                self.open_directory(name)?
            }
            result => result?,
        };
        directory.make_accessible()?;
        Ok(directory)
    }

    /// Gives the owner of this directory all permissions on it if they are missing.
    ///
    /// # Errors
    /// When they cannot be changed.
    pub fn make_accessible(&self) -> io::Result<()> {
        let (entry, own) = (self.entry()?, user());
        if own.is_root() || entry.mode & 0o700 == 0o700 || entry.uid != own.uid {
            return Ok(());
        }
        self.set_mode(entry.mode | 0o700)
    }

    /// Opens the parent directory of `name`, which may hold slashes.
    ///
    /// # Errors
    /// When a directory cannot be opened for another reason than those of [`Parent`].
    pub fn parent_of<'n>(&self, name: &'n str) -> io::Result<Parent<'n>> {
        self.parent(name, false)
    }

    /// Opens the parent directory of `name`, and makes the directories that are missing.
    ///
    /// # Errors
    /// When a directory cannot be made or opened.
    pub fn make_parent_of<'n>(&self, name: &'n str) -> io::Result<Parent<'n>> {
        self.parent(name, true)
    }

    fn parent<'n>(&self, name: &'n str, make: bool) -> io::Result<Parent<'n>> {
        let path = Path::new(name);
        let Some(Component::Normal(last)) = path.components().next_back() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut directory = self.try_clone()?;
        let mut seen = PathBuf::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(part) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
            seen.push(part);
            if make {
                directory.make_directory(part, 0o755)?;
            }
            directory = match directory.open_accessible(part) {
                Ok(next) => next,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Parent::Missing),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    return Ok(Parent::NotADirectory(seen));
                }
                Err(error) => return Err(error),
            };
        }
        Ok(Parent::Found(directory, last))
    }

    /// Puts a new file with this content under `name`; a file or link of that name is replaced as a whole.
    ///
    /// # Errors
    /// When it cannot be written, or a directory has the name.
    pub fn write_file(&self, name: impl AsRef<OsStr>, content: &[u8], mode: u32) -> io::Result<()> {
        self.replace_file(name.as_ref(), mode, |file| file.write_all(content))
    }

    /// Puts a copy of `source` under `name`, whole or not at all; a file or link of that name is replaced. File systems that
    /// can share blocks between files do so.
    ///
    /// # Errors
    /// When it cannot be written, or a directory has the name.
    pub fn copy_file(&self, source: &mut File, name: impl AsRef<OsStr>) -> io::Result<()> {
        let mode = entry_of_file(source)?.mode & 0o755 | 0o600;
        self.replace_file(name.as_ref(), mode, |file| io::copy(source, file).map(drop))
    }

    fn replace_file(
        &self,
        name: &OsStr,
        mode: u32,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        // A name of its own even where the other is as long as a name may be.
        let part = format!(".buoy-part.{}", std::process::id());
        self.remove_file(&part)?;
        let made = self.create_file(&part, mode).and_then(|mut file| {
            fill(&mut file)?;
            self.rename(&part, self, name)
        });
        if made.is_err() {
            let _ = self.remove_file(&part);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    #![cfg(unix)]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn bench() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        fs::create_dir(root.path().join("home")).unwrap();
        fs::write(root.path().join("home/precious"), "old").unwrap();
        let work = Directory::open(&root.path().join("work")).unwrap();
        (root, work)
    }

    fn precious(root: &tempfile::TempDir) -> String {
        fs::read_to_string(root.path().join("home/precious")).unwrap()
    }

    #[test]
    fn a_link_in_the_place_of_a_directory_is_not_followed() {
        let (root, work) = bench();
        symlink(root.path().join("home"), root.path().join("work/d")).unwrap();
        let opened = work.open_accessible("d").unwrap_err();
        assert_eq!(opened.kind(), io::ErrorKind::NotADirectory);
        assert!(Directory::open(&root.path().join("work/d")).is_err());
        assert!(
            matches!(work.parent_of("d/precious").unwrap(), Parent::NotADirectory(path) if path == Path::new("d"))
        );
        assert!(matches!(work.make_parent_of("d/x/y").unwrap(), Parent::NotADirectory(_)));
    }

    #[test]
    fn nothing_that_exists_is_opened_for_writing() {
        let (root, work) = bench();
        symlink(root.path().join("home/precious"), root.path().join("work/link")).unwrap();
        fs::hard_link(root.path().join("home/precious"), root.path().join("work/hard")).unwrap();
        for name in ["link", "hard"] {
            let error = work.create_file(name, 0o644).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            work.write_file(name, b"new", 0o644).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("work").join(name)).unwrap(), "new");
        }
        assert_eq!(precious(&root), "old");
    }

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let (root, work) = bench();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("work/pipe")).status();
        assert!(made.unwrap().success());
        symlink(root.path().join("home/precious"), root.path().join("work/link")).unwrap();
        fs::create_dir(root.path().join("work/dir")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("work/socket")).unwrap();
        for name in ["pipe", "link", "dir", "socket", "/dev/null"] {
            assert!(work.open_file(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_copy_shares_no_inode_and_has_no_set_user_id() {
        let (root, work) = bench();
        let source = root.path().join("home/precious");
        fs::set_permissions(&source, Permissions::from_mode(0o6777)).unwrap();
        work.copy_file(&mut File::open(&source).unwrap(), "copy").unwrap();
        let entry = work.entry_of("copy").unwrap().unwrap();
        assert_eq!((entry.links, entry.mode), (1, 0o755));
        fs::write(root.path().join("work/copy"), "new").unwrap();
        assert_eq!(precious(&root), "old");
        assert_eq!(work.names().unwrap().count(), 1, "no part of it stays");
    }

    #[test]
    fn the_mode_of_a_links_target_is_not_changed() {
        let (root, work) = bench();
        let target = root.path().join("home/precious");
        fs::set_permissions(&target, Permissions::from_mode(0o400)).unwrap();
        symlink(&target, root.path().join("work/link")).unwrap();
        work.change_mode("link", |_| Some(0o777)).unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o400);
    }
}

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
mod tests;

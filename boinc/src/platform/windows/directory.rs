//! An open directory. Names are opened relative to its handle, so that nothing on the way can be replaced by a link.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::path::Path;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_READ, FILE_GENERIC_WRITE,
    FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_TRAVERSE, FILE_WRITE_ATTRIBUTES, SYNCHRONIZE,
};

use super::handle;
use crate::platform::entry::{Entry, User};

const READ_DIRECTORY: u32 = FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES | SYNCHRONIZE;

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedHandle,
}

impl Directory {
    /// Waits until what was written would survive a power cut; here nothing is waited for, since no agent runs on Windows.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn sync_file_system(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a directory by its path. Links on the way are followed, so the path must be trusted; the directory itself must
    /// not be a link.
    ///
    /// # Errors
    /// The directory does not exist, or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
        let file = OpenOptions::new().access_mode(READ_DIRECTORY).custom_flags(flags).open(path)?;
        Self::of(file.into())
    }

    fn of(handle: OwnedHandle) -> io::Result<Self> {
        let directory = Self { handle };
        let is_directory = directory.entry()?.is_directory();
        if is_directory { Ok(directory) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// Opens a directory in this one.
    ///
    /// # Errors
    /// When it is missing, is not a directory, or cannot be opened.
    pub fn open_directory(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        // Not FILE_DIRECTORY_FILE: a link to a directory has that attribute too, so the kind is asked for anyway.
        Self::of(self.open_name(name, READ_DIRECTORY, FILE_OPEN, 0)?)
    }

    /// The directory above this one: the one that has this name now, which need not be the one through which it was opened.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_parent(&self) -> io::Result<Self> {
        let path = handle::path(&self.handle)?;
        Self::open(path.parent().ok_or(io::ErrorKind::NotFound)?)
    }

    /// Another handle of the same directory.
    ///
    /// # Errors
    /// When the process can have no more handles.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()? })
    }

    /// What the kernel reports about the directory itself.
    ///
    /// # Errors
    /// Hardly ever.
    pub fn entry(&self) -> io::Result<Entry> {
        handle::entry(&self.handle)
    }

    /// What the kernel reports about a name; `None` if the name does not exist. A link is not followed.
    ///
    /// # Errors
    /// When the file may not be opened.
    pub fn entry_of(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Entry>> {
        match self.open_name(name, FILE_READ_ATTRIBUTES, FILE_OPEN, 0) {
            Ok(opened) => handle::entry(&opened).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All names in it, without `.` and `..`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        // All at once: the position in the listing belongs to the handle, and with it to every clone of this directory.
        Ok(handle::names(&self.handle)?.into_iter().map(Ok))
    }

    /// Changes nothing: a directory of Windows has no permission bits.
    ///
    /// # Errors
    /// Never.
    pub fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    /// Changes the permissions of a name to what `wanted` answers for it; `None` leaves them. A link is not followed. Of the
    /// bits, only the owner's right to write counts, and only that of files.
    ///
    /// # Errors
    /// When the name is missing, or the kernel refuses.
    pub fn change_mode(
        &self,
        name: impl AsRef<OsStr>,
        wanted: impl FnOnce(&Entry) -> Option<u32>,
    ) -> io::Result<()> {
        let opened = self.open_name(name, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0)?;
        let entry = handle::entry(&opened)?;
        match wanted(&entry) {
            Some(mode) if mode != entry.mode && entry.is_file() => {
                handle::set_read_only(&opened, mode & 0o200 == 0)
            }
            _ => Ok(()),
        }
    }

    /// Gives the directory to another user, whom Windows does not know by a number.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn set_owner(&self, _owner: User) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a name to another user, whom Windows does not know by a number.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn change_owner(&self, _name: impl AsRef<OsStr>, _owner: User) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a directory unless the name exists, whatever it is. It has the rights that this directory hands down; `mode`
    /// does not count.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_directory(&self, name: impl AsRef<OsStr>, _mode: u32) -> io::Result<()> {
        match self.open_name(name, FILE_READ_ATTRIBUTES, FILE_CREATE, FILE_DIRECTORY_FILE) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens a regular file for reading. Anything else under this name is an error.
    ///
    /// # Errors
    /// When it is missing, is not a regular file, or cannot be opened.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let opened = self.open_name(name, FILE_GENERIC_READ, FILE_OPEN, FILE_NON_DIRECTORY_FILE)?;
        if handle::entry(&opened)?.is_file() {
            Ok(opened.into())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
        }
    }

    /// Creates a file that does not exist yet, and opens it for writing. It has the rights that this directory hands down;
    /// `mode` does not count.
    ///
    /// # Errors
    /// When the name exists, whatever it is, or the file cannot be made.
    pub fn create_file(&self, name: impl AsRef<OsStr>, _mode: u32) -> io::Result<File> {
        let opened = self.open_name(name, FILE_GENERIC_WRITE, FILE_CREATE, FILE_NON_DIRECTORY_FILE)?;
        Ok(opened.into())
    }

    /// A link in an open directory, which Windows cannot make.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn make_symlink(&self, _target: &Path, _name: impl AsRef<OsStr>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Moves a name into a directory of the same file system; a file that has the new name is replaced.
    ///
    /// # Errors
    /// When the kernel refuses, with [`io::ErrorKind::CrossesDevices`] for another file system.
    pub fn rename(
        &self,
        name: impl AsRef<OsStr>,
        target: &Directory,
        target_name: impl AsRef<OsStr>,
    ) -> io::Result<()> {
        let opened = self.open_name(name, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?;
        handle::rename(&opened, &target.handle, target_name.as_ref())
    }

    /// Removes a name that is not a directory. A missing name counts as removed.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        self.remove(name, false)
    }

    /// Removes an empty directory. A missing one counts as removed.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        self.remove(name, true)
    }

    fn remove(&self, name: impl AsRef<OsStr>, directory: bool) -> io::Result<()> {
        let opened = match self.open_name(name, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        match (handle::entry(&opened)?.is_directory(), directory) {
            (true, false) => Err(io::ErrorKind::IsADirectory.into()),
            (false, true) => Err(io::ErrorKind::NotADirectory.into()),
            _ => handle::remove(&opened),
        }
    }

    fn open_name(
        &self,
        name: impl AsRef<OsStr>,
        access: u32,
        how: u32,
        options: u32,
    ) -> io::Result<OwnedHandle> {
        handle::open_in(&self.handle, name.as_ref(), access, how, options)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};

    use super::*;

    fn bench() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        (root, directory)
    }

    #[test]
    fn names_are_opened_in_the_directory_and_nowhere_else() {
        let (root, directory) = bench();
        directory.make_directory("sub", 0o755).unwrap();
        directory.make_directory("sub", 0o755).unwrap();
        directory.create_file("file", 0o644).unwrap().write_all(b"text").unwrap();
        let mut text = String::new();
        directory.open_file("file").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        let sub = directory.open_directory("sub").unwrap();
        assert_eq!(sub.open_parent().unwrap().entry().unwrap().identity, directory.entry().unwrap().identity);
        for name in ["", ".", "..", "sub\\..\\file", "sub/../file", "C:\\x", "file:stream", "\\\\.\\NUL"] {
            let error = directory.open_file(name).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidFilename, "{name}");
        }
        assert!(directory.open_file("sub").is_err());
        assert_eq!(directory.open_directory("file").unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(directory.entry_of("absent").unwrap(), None);
        let exists = directory.create_file("file", 0o644).unwrap_err();
        assert_eq!(exists.kind(), io::ErrorKind::AlreadyExists);
        // Wine removes no directory before the last handle of it is closed, and the library waits for that.
        drop((sub, directory));
        drop(root);
    }

    #[test]
    fn many_names_are_listed_each_time_anew() {
        let (root, directory) = bench();
        for number in 0..2_000 {
            fs::write(root.path().join(format!("a file with a long name, number {number}")), "").unwrap();
        }
        for _ in 0..2 {
            assert_eq!(directory.try_clone().unwrap().names().unwrap().count(), 2_000);
        }
    }

    #[test]
    fn a_rename_replaces_files_and_a_removal_takes_what_it_says() {
        let (root, directory) = bench();
        directory.make_directory("sub", 0o755).unwrap();
        let sub = directory.open_directory("sub").unwrap();
        fs::write(root.path().join("new"), "new").unwrap();
        fs::write(root.path().join("sub/old"), "old").unwrap();
        directory.rename("new", &sub, "old").unwrap();
        assert_eq!(fs::read_to_string(root.path().join("sub/old")).unwrap(), "new");
        assert!(directory.remove_file("sub").is_err());
        assert!(directory.remove_directory("sub").is_err(), "not empty");
        assert!(sub.remove_directory("old").is_err());
        for _ in 0..2 {
            sub.remove_file("old").unwrap();
        }
        drop(sub);
        directory.remove_directory("sub").unwrap();
        assert_eq!(directory.names().unwrap().count(), 0);
    }

    #[test]
    fn the_right_to_write_is_the_one_permission() {
        let (root, directory) = bench();
        fs::write(root.path().join("file"), "text").unwrap();
        assert_eq!(directory.entry_of("file").unwrap().unwrap().mode, 0o644);
        directory.change_mode("file", |_| Some(0o400)).unwrap();
        assert_eq!(directory.entry_of("file").unwrap().unwrap().mode, 0o444);
        directory.change_mode("file", |_| Some(0o600)).unwrap();
        assert_eq!(directory.entry_of("file").unwrap().unwrap().mode, 0o644);
    }

    #[test]
    fn entries_have_the_lengths_and_link_counts_of_their_files() {
        let (root, directory) = bench();
        fs::write(root.path().join("file"), [0; 5_000]).unwrap();
        fs::hard_link(root.path().join("file"), root.path().join("other")).unwrap();
        let [file, other] = ["file", "other"].map(|name| directory.entry_of(name).unwrap().unwrap());
        assert_eq!((file.length, file.links, file.identity), (5_000, 2, other.identity));
        assert!(file.is_file() && !file.is_symlink());
    }
}

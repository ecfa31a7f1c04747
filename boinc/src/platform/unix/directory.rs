//! An open directory: the system calls, one for each function.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fchown, fstat, mkdirat, openat, renameat,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::files::{kind, raw_mode};
use crate::platform::entry::{Entry, Identity, User};

const READ_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    pub(in crate::platform) fd: OwnedFd,
}

impl Directory {
    /// Opens a directory by its path. Links on the way are followed, so the path must be trusted; the directory itself must
    /// not be a link.
    ///
    /// # Errors
    /// The directory does not exist, or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: openat(CWD, path, READ_DIRECTORY, Mode::empty()).map_err(not_a_directory)? })
    }

    /// Opens a directory in this one.
    ///
    /// # Errors
    /// When it is missing, is not a directory, or cannot be opened.
    pub fn open_directory(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let fd = openat(&self.fd, name.as_ref(), READ_DIRECTORY, Mode::empty()).map_err(not_a_directory)?;
        Ok(Self { fd })
    }

    /// The directory above this one.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_parent(&self) -> io::Result<Self> {
        self.open_directory("..")
    }

    /// Another descriptor of the same directory.
    ///
    /// # Errors
    /// When the process can have no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()? })
    }

    /// What the kernel reports about the directory itself.
    ///
    /// # Errors
    /// Hardly ever.
    pub fn entry(&self) -> io::Result<Entry> {
        Ok(entry(&fstat(&self.fd)?))
    }

    /// What the kernel reports about a name; `None` if the name does not exist. A link is not followed.
    ///
    /// # Errors
    /// When the directory may not be searched.
    pub fn entry_of(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Entry>> {
        match statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(entry(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All names in it, without `.` and `..`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        let names = rustix::fs::Dir::read_from(&self.fd)?;
        Ok(names.filter_map(|entry| match entry {
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => None,
            Ok(entry) => Some(Ok(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Changes the permissions of the directory itself.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.fd, Mode::from_raw_mode(raw_mode(mode)))?)
    }

    /// Gives the directory itself to another user and group.
    ///
    /// # Errors
    /// When the kernel refuses: only root may.
    pub fn set_owner(&self, owner: User) -> io::Result<()> {
        let (uid, gid) = ids(owner);
        Ok(fchown(&self.fd, uid, gid)?)
    }

    /// Gives a name to another user and group. A link is not followed.
    ///
    /// # Errors
    /// When the name is missing, or the kernel refuses: only root may.
    pub fn change_owner(&self, name: impl AsRef<OsStr>, owner: User) -> io::Result<()> {
        let (uid, gid) = ids(owner);
        Ok(chownat(&self.fd, name.as_ref(), uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Makes a directory unless the name exists, whatever it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_directory(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<()> {
        unless(Errno::EXIST, mkdirat(&self.fd, name.as_ref(), Mode::from_raw_mode(raw_mode(mode))))
    }

    /// Opens a regular file for reading. Anything else under this name is an error, and is not waited for.
    ///
    /// # Errors
    /// When it is missing, is not a regular file, or cannot be opened.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name.as_ref(), flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP => not_a_file(),
            error => error.into(),
        })?;
        if entry(&fstat(&fd)?).is_file() { Ok(fd.into()) } else { Err(not_a_file()) }
    }

    /// Creates a file that does not exist yet, and opens it for writing.
    ///
    /// # Errors
    /// When the name exists, whatever it is, or the file cannot be made.
    pub fn create_file(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name.as_ref(), flags, Mode::from_raw_mode(raw_mode(mode)))?.into())
    }

    /// Makes a symbolic link that holds this text.
    ///
    /// # Errors
    /// When the name exists, whatever it is, or the link cannot be made.
    pub fn make_symlink(&self, target: &Path, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(symlinkat(target, &self.fd, name.as_ref())?)
    }

    /// Moves a name into a directory of the same file system; what has the new name is replaced.
    ///
    /// # Errors
    /// When the kernel refuses, with [`io::ErrorKind::CrossesDevices`] for another file system.
    pub fn rename(
        &self,
        name: impl AsRef<OsStr>,
        target: &Directory,
        target_name: impl AsRef<OsStr>,
    ) -> io::Result<()> {
        Ok(renameat(&self.fd, name.as_ref(), &target.fd, target_name.as_ref())?)
    }

    /// Removes a name that is not a directory. A missing name counts as removed.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        unless(Errno::NOENT, unlinkat(&self.fd, name.as_ref(), AtFlags::empty()))
    }

    /// Removes an empty directory. A missing one counts as removed.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        unless(Errno::NOENT, unlinkat(&self.fd, name.as_ref(), AtFlags::REMOVEDIR))
    }
}

fn ids(owner: User) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
}

// The fields of `stat` have other widths on other systems.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "see above")]
pub(in crate::platform) fn entry(stat: &Stat) -> Entry {
    Entry {
        kind: kind(u32::from(stat.st_mode)),
        mode: u32::from(stat.st_mode) & 0o7777,
        identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
        links: stat.st_nlink as u64,
        uid: stat.st_uid,
        gid: stat.st_gid,
        length: u64::try_from(stat.st_size).unwrap_or(0),
        allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
    }
}

/// The answer to a call; `harmless` means that there was nothing to do.
fn unless(harmless: Errno, answer: Result<(), Errno>) -> io::Result<()> {
    match answer {
        Err(error) if error != harmless => Err(error.into()),
        _ => Ok(()),
    }
}

/// A link in the place of a directory is answered in one of two ways.
fn not_a_directory(error: Errno) -> io::Error {
    match error {
        Errno::LOOP => io::ErrorKind::NotADirectory.into(),
        error => error.into(),
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

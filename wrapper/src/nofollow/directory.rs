//! An open directory, and what can be done to one name in it.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::entry::Entry;

const READ_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
}

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
    /// Opens a directory by its path. Links on the way are followed, so the path must be trusted; the directory itself must
    /// not be a link.
    ///
    /// # Errors
    /// When there is no such directory or it cannot be opened.
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
        let own = rustix::process::geteuid();
        let entry = self.entry()?;
        if own.is_root() || entry.mode & 0o700 == 0o700 || entry.uid != own.as_raw() {
            return Ok(());
        }
        Ok(rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(entry.mode | 0o700))?)
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
        Ok(fstat(&self.fd)?.into())
    }

    /// What the kernel reports about a name; `None` if there is no such name. A link is not followed.
    ///
    /// # Errors
    /// When the directory may not be searched.
    pub fn entry_of(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Entry>> {
        match statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All names in it, without `.` and `..`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<rustix::fs::DirEntry>>> {
        let names = rustix::fs::Dir::read_from(&self.fd)?;
        Ok(names.filter_map(|entry| match entry {
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => None,
            Ok(entry) => Some(Ok(entry)),
            Err(error) => Some(Err(error.into())),
        }))
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

    /// Makes a directory unless the name exists, whatever it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_directory(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<()> {
        match mkdirat(&self.fd, name.as_ref(), Mode::from_raw_mode(mode)) {
            Err(Errno::EXIST) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
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
        let entry = Entry::from(fstat(&fd)?);
        if entry.is_file() { Ok(fd.into()) } else { Err(not_a_file()) }
    }

    /// Creates a file that does not exist yet, and opens it for writing.
    ///
    /// # Errors
    /// When the name exists, whatever it is, or the file cannot be made.
    pub fn create_file(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name.as_ref(), flags, Mode::from_raw_mode(mode))?.into())
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
        let mode = Entry::from(fstat(source.as_fd())?).mode & 0o755 | 0o600;
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

    /// Removes a name that is not a directory. That there is none is as good.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        match unlinkat(&self.fd, name.as_ref(), AtFlags::empty()) {
            Err(Errno::NOENT) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory. That there is none is as good.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        match unlinkat(&self.fd, name.as_ref(), AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the permissions of a name to what `wanted` answers for it; `None` leaves them. A link is not followed.
    ///
    /// # Errors
    /// When the name is missing, or the kernel refuses.
    pub fn change_mode(
        &self,
        name: impl AsRef<OsStr>,
        wanted: impl FnOnce(&Entry) -> Option<u32>,
    ) -> io::Result<()> {
        // A file without permissions can be named so but not opened, and the kernel changes no mode through such a
        // descriptor: only through its name in /proc, which leads to exactly this file.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name.as_ref(), flags, Mode::empty())?;
        let entry = Entry::from(fstat(&fd)?);
        match wanted(&entry) {
            Some(mode) if mode != entry.mode && entry.kind != rustix::fs::FileType::Symlink => {
                let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
                std::fs::set_permissions(path, Permissions::from_mode(mode))
            }
            _ => Ok(()),
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

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

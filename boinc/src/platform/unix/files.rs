//! Files by their paths: modes, owners, locks, space.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, OFlags, RawMode, fcntl_lock};
use rustix::io::Errno;

use crate::platform::entry::{Entry, Identity, Kind, Space, User};

/// Who this process acts as.
pub fn user() -> User {
    User { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
}

/// The path with these bytes.
pub fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

/// The bytes of a path.
pub fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    path.as_os_str().as_bytes().into()
}

/// Opens `boinc_lockfile`, made if it is missing, and locks it as BOINC's API does; `None` if another process has the lock.
/// A file system without locks counts as free, as in BOINC's code.
///
/// # Errors
/// When it cannot be opened or locked.
pub fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o664).open(path)?;
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) | Err(Errno::NOSYS) => Ok(Some(file)),
        Err(Errno::ACCESS | Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives a file another name, also one that another file has.
///
/// # Errors
/// The kernel's answer.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Makes a symbolic link to a file or a directory.
///
/// # Errors
/// The kernel's answer.
pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Makes a file that only this user may read, and opens it for writing. It must not exist.
///
/// # Errors
/// The kernel's answer.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes a directory for this user alone; one that exists is left as it is.
///
/// # Errors
/// The kernel's answer.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens for reading what is not a link; a pipe is not waited for.
///
/// # Errors
/// The kernel's answer.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Changes the permissions of a file or directory.
///
/// # Errors
/// The kernel's answer.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Gives a file or directory away, which only root may do.
///
/// # Errors
/// The kernel's answer.
pub fn change_owner(path: &Path, owner: User) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid))
}

/// Whether this process may run the file.
pub fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// `ST_NOEXEC` of Linux. macOS has no such bit.
const NOEXEC: u64 = 8;

/// The file system that holds `path`; `None` where it cannot be asked.
pub fn free_space(path: &Path) -> Option<Space> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some(Space {
        free_bytes: bytes(stat.f_bavail),
        free_files: stat.f_favail,
        total_bytes: bytes(stat.f_blocks),
        executable: stat.f_flag.bits() & NOEXEC == 0,
    })
}

/// What the kernel reports about a path. Links are followed.
///
/// # Errors
/// The kernel's answer.
pub fn entry_at(path: &Path) -> io::Result<Entry> {
    Ok(Entry::from(&fs::metadata(path)?))
}

/// What the kernel reports about an open file.
///
/// # Errors
/// Hardly ever.
pub fn entry_of_file(file: &File) -> io::Result<Entry> {
    Ok(Entry::from(&file.metadata()?))
}

impl From<&Metadata> for Entry {
    fn from(data: &Metadata) -> Self {
        Self {
            kind: kind(data.mode()),
            mode: data.mode() & 0o7777,
            identity: Identity { device: data.dev(), inode: data.ino() },
            links: data.nlink(),
            uid: data.uid(),
            gid: data.gid(),
            length: data.len(),
            allocated_bytes: data.blocks() * 512,
        }
    }
}

pub(super) fn kind(mode: u32) -> Kind {
    match FileType::from_raw_mode(raw_mode(mode)) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        _ => Kind::Device,
    }
}

/// Mode bits as the kernel has them, which is in two bytes on macOS.
#[allow(
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "of another type on each system"
)]
pub(in crate::platform) fn raw_mode(mode: u32) -> RawMode {
    mode as RawMode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_a_directory_has_a_size() {
        let directory = tempfile::tempdir().unwrap();
        let space = free_space(directory.path()).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        assert_eq!(free_space(&directory.path().join("absent")), None);
    }
}

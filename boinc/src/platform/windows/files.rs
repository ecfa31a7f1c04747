//! Files by their paths: locks, space, replacing. Windows keeps rights in lists that a directory hands down, not in bits.
#![allow(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::path::Path;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION, GENERIC_WRITE,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_DELETE_ON_CLOSE, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, GetDiskFreeSpaceExW, SYNCHRONIZE,
};

use super::handle;
use crate::platform::entry::{Entry, Space, User};

/// How long a file may be held by another program, as in `lib/filesys.cpp`: scanners for viruses open what is new.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Who this process acts as: the owner that every file has here.
pub fn user() -> User {
    handle::OWNER
}

/// Opens `boinc_lockfile`, made if it is missing, so that no other program can open it, as BOINC's API does; `None` if
/// another program has it open. The file goes when it is closed, also by the end of the process.
///
/// # Errors
/// When it cannot be opened.
pub fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).access_mode(GENERIC_WRITE | DELETE).share_mode(0);
    match options.custom_flags(FILE_FLAG_DELETE_ON_CLOSE).open(path) {
        Err(error) if has_code(&error, &[ERROR_SHARING_VIOLATION]) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Gives a file another name, also one that another file has. Where another program holds one of the two for a moment, this
/// takes up to five seconds.
///
/// # Errors
/// The kernel's answer.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match fs::rename(from, to) {
            Err(error) if is_held(&error) && start.elapsed() < PATIENCE && !to.is_dir() => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn is_held(error: &io::Error) -> bool {
    has_code(error, &[ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION])
}

fn has_code(error: &io::Error, codes: &[u32]) -> bool {
    error.raw_os_error().is_some_and(|code| codes.contains(&code.cast_unsigned()))
}

/// Makes a symbolic link to a file or a directory, which most users may not.
///
/// # Errors
/// The kernel's answer.
pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    let from_link = link.parent().unwrap_or(Path::new("")).join(target);
    if from_link.is_dir() {
        std::os::windows::fs::symlink_dir(target, link)
    } else {
        std::os::windows::fs::symlink_file(target, link)
    }
}

/// Makes a file and opens it for writing. It must not exist. It has the rights that its directory hands down: put it where
/// only this user may read.
///
/// # Errors
/// The kernel's answer.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Makes a directory; one that exists is left as it is. It has the rights that the directory above hands down.
///
/// # Errors
/// The kernel's answer.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens for reading what is not a link.
///
/// # Errors
/// The kernel's answer.
pub fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let is_link = entry_of_file(&file)?.is_symlink();
    if is_link { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(file) }
}

/// Changes the permissions of a file: only the owner's right to write is one here. Directories stay as they are.
///
/// # Errors
/// The kernel's answer.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.access_mode(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE);
    let handle: OwnedHandle = options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)?.into();
    if handle::entry(&handle)?.is_file() { handle::set_read_only(&handle, mode & 0o200 == 0) } else { Ok(()) }
}

/// Gives a file to another user, whom Windows does not know by a number.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn change_owner(_path: &Path, _owner: User) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether Windows takes the file for a program, which it does by its name.
pub fn is_executable(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe")) && path.is_file()
}

/// Whether a file is on a file system that takes memory, not disk: Windows has none.
pub fn is_in_memory(_path: &Path) -> bool {
    false
}

/// The file system that holds `path`; `None` where it cannot be asked. It has no number of files.
pub fn free_space(path: &Path) -> Option<Space> {
    let directory = if path.is_dir() { path } else { path.parent().filter(|_| path.exists())? };
    let name: Vec<u16> = directory.as_os_str().encode_wide().chain([0]).collect();
    let (mut free_bytes, mut total_bytes) = (0, 0);
    // SAFETY: the name ends with a zero; the numbers outlive the call, and a null pointer asks for none.
    let done = unsafe {
        GetDiskFreeSpaceExW(name.as_ptr(), &mut free_bytes, &mut total_bytes, std::ptr::null_mut())
    };
    // No file system of Windows keeps programs from being started.
    (done != 0).then_some(Space { free_bytes, free_files: 0, total_bytes, executable: true })
}

/// What the kernel reports about a path. Links are followed.
///
/// # Errors
/// The kernel's answer.
pub fn entry_at(path: &Path) -> io::Result<Entry> {
    let mut options = OpenOptions::new();
    options.access_mode(FILE_READ_ATTRIBUTES).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    handle::entry(&options.open(path)?.into())
}

/// What the kernel reports about an open file.
///
/// # Errors
/// Hardly ever.
pub fn entry_of_file(file: &File) -> io::Result<Entry> {
    handle::entry(&file.try_clone()?.into())
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

    #[test]
    fn files_and_directories_are_told_apart_by_their_paths() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "text").unwrap();
        let entry = entry_at(&file).unwrap();
        assert!(entry.is_file() && entry.length == 4, "{entry:?}");
        assert!(entry_at(directory.path()).unwrap().is_directory());
        assert_ne!(entry.identity, entry_at(directory.path()).unwrap().identity);
        assert_eq!(entry_at(&directory.path().join("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_is_held_for_a_moment_is_replaced_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let held = OpenOptions::new().read(true).share_mode(0).open(&to).unwrap();
        let releasing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(held);
        });
        replace(&from, &to).unwrap();
        releasing.join().unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
    }
}

//! The system calls on files and directories, one for each function. Safe to call: handles are owned, names are checked.
#![allow(unsafe_code)]

use std::ffi::{OsStr, OsString, c_void};
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::ptr;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_DISPOSITION_DELETE, FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_INFORMATION,
    FILE_DISPOSITION_INFORMATION_EX, FILE_DISPOSITION_POSIX_SEMANTICS, FILE_OPEN_FOR_BACKUP_INTENT,
    FILE_OPEN_REPARSE_POINT, FILE_RENAME_INFORMATION, FILE_SYNCHRONOUS_IO_NONALERT,
    FileDispositionInformation, FileDispositionInformationEx, FileRenameInformation, NtCreateFile,
    NtSetInformationFile,
};
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_NO_MORE_FILES, NTSTATUS, OBJ_CASE_INSENSITIVE, RtlNtStatusToDosError,
    UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY,
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TAG_INFO, FILE_BASIC_INFO, FILE_ID_BOTH_DIR_INFO,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_STANDARD_INFO, FileAttributeTagInfo,
    FileBasicInfo, FileIdBothDirectoryInfo, FileIdBothDirectoryRestartInfo, FileStandardInfo,
    GetFileInformationByHandle, GetFileInformationByHandleEx, GetFinalPathNameByHandleW, SYNCHRONIZE,
    SetFileInformationByHandle,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use crate::platform::entry::{Entry, Identity, Kind, User};

/// Windows has no numbers for users: all files count as those of one user, who is not the administrator.
pub(super) const OWNER: User = User { uid: 1, gid: 1 };

/// The reparse tags of sockets and of the pipes and devices that WSL makes (`IO_REPARSE_TAG_…`).
const SOCKET: u32 = 0x8000_0023;
const PIPE: u32 = 0x8000_0024;
/// Set in the tags of everything that stands for another name: symbolic links, junctions, links that WSL makes.
const STANDS_FOR_A_NAME: u32 = 0x2000_0000;
const LX_SYMLINK: u32 = 0xa000_001d;

/// Opens a name in an open directory, never what a link leads to. `how` is a disposition such as `FILE_OPEN`.
pub(super) fn open_in(
    directory: &OwnedHandle,
    name: &OsStr,
    access: u32,
    how: u32,
    options: u32,
) -> io::Result<OwnedHandle> {
    let mut name = single_name(name)?;
    let bytes = u16::try_from(name.len() * 2).map_err(|_| io::ErrorKind::InvalidFilename)?;
    let string = UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: name.as_mut_ptr() };
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: directory.as_raw_handle(),
        ObjectName: &string,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: ptr::null(),
        SecurityQualityOfService: ptr::null(),
    };
    let mut handle = ptr::null_mut();
    let mut status = IO_STATUS_BLOCK::default();
    let options =
        options | FILE_OPEN_REPARSE_POINT | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT;
    // SAFETY: all pointers are to values that outlive the call, and the name is as long as it says.
    succeeded(unsafe {
        NtCreateFile(
            &mut handle,
            access | SYNCHRONIZE,
            &attributes,
            &mut status,
            ptr::null(),
            FILE_ATTRIBUTE_NORMAL,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            how,
            options,
            ptr::null(),
            0,
        )
    })?;
    // SAFETY: the call made it, and it is ours.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// What the kernel reports about an open file or directory.
pub(super) fn entry(handle: &OwnedHandle) -> io::Result<Entry> {
    let mut data = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and `data` is of the type that the call fills.
    if unsafe { GetFileInformationByHandle(handle.as_raw_handle(), &mut data) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let standard: FILE_STANDARD_INFO = information(handle, FileStandardInfo)?;
    let kind = if data.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        let tag: FILE_ATTRIBUTE_TAG_INFO = information(handle, FileAttributeTagInfo)?;
        kind_of_reparse_point(tag.ReparseTag)
    } else if data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0 {
        Kind::Directory
    } else {
        Kind::File
    };
    let read_only = data.dwFileAttributes & FILE_ATTRIBUTE_READONLY != 0;
    Ok(Entry {
        kind,
        // Of the permission bits Windows has one, and on files only.
        mode: match kind {
            Kind::Directory => 0o755,
            Kind::File if read_only => 0o444,
            _ => 0o644,
        },
        identity: Identity {
            device: u64::from(data.dwVolumeSerialNumber),
            inode: u64::from(data.nFileIndexHigh) << 32 | u64::from(data.nFileIndexLow),
        },
        links: u64::from(data.nNumberOfLinks),
        uid: OWNER.uid,
        gid: OWNER.gid,
        length: u64::from(data.nFileSizeHigh) << 32 | u64::from(data.nFileSizeLow),
        allocated_bytes: u64::try_from(standard.AllocationSize).unwrap_or(0),
    })
}

fn kind_of_reparse_point(tag: u32) -> Kind {
    match tag {
        SOCKET => Kind::Socket,
        PIPE => Kind::Pipe,
        LX_SYMLINK => Kind::Symlink,
        tag if tag & STANDS_FOR_A_NAME != 0 => Kind::Symlink,
        // A device of WSL's, or a file that is elsewhere, as in a cloud.
        _ => Kind::Device,
    }
}

/// All names in an open directory, without `.` and `..`.
pub(super) fn names(directory: &OwnedHandle) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    // Of words, since the kernel aligns the entries so.
    let mut buffer = vec![0u64; 8192];
    let size = (buffer.len() * size_of::<u64>()) as u32;
    let mut class = FileIdBothDirectoryRestartInfo;
    loop {
        let into = buffer.as_mut_ptr().cast::<c_void>();
        // SAFETY: the handle is open, and the buffer is as long as it says.
        if unsafe { GetFileInformationByHandleEx(directory.as_raw_handle(), class, into, size) } == 0 {
            let error = io::Error::last_os_error();
            let code = error.raw_os_error().map(i32::cast_unsigned);
            let at_the_end = matches!(code, Some(ERROR_NO_MORE_FILES | ERROR_FILE_NOT_FOUND));
            return if at_the_end { Ok(names) } else { Err(error) };
        }
        class = FileIdBothDirectoryInfo;
        let mut offset = 0;
        loop {
            // SAFETY: the kernel has put an entry at each of these offsets, aligned and as long as it says.
            let (next, name) = unsafe {
                let entry = buffer.as_ptr().byte_add(offset).cast::<FILE_ID_BOTH_DIR_INFO>();
                let length = (*entry).FileNameLength as usize / 2;
                let name = std::slice::from_raw_parts((&raw const (*entry).FileName).cast::<u16>(), length);
                ((*entry).NextEntryOffset as usize, OsString::from_wide(name))
            };
            if name != "." && name != ".." {
                names.push(name);
            }
            if next == 0 {
                break;
            }
            offset += next;
        }
    }
}

/// Gives an open file or directory this name in another open directory; a file that has the name is replaced.
pub(super) fn rename(handle: &OwnedHandle, directory: &OwnedHandle, name: &OsStr) -> io::Result<()> {
    let name = single_name(name)?;
    let bytes = size_of::<FILE_RENAME_INFORMATION>() + name.len() * 2;
    let mut buffer = vec![0u64; bytes.div_ceil(size_of::<u64>())];
    let data = buffer.as_mut_ptr().cast::<FILE_RENAME_INFORMATION>();
    // SAFETY: the buffer is aligned, and has room for the structure and the name behind it.
    unsafe {
        (*data).Anonymous.ReplaceIfExists = true;
        (*data).RootDirectory = directory.as_raw_handle();
        (*data).FileNameLength = (name.len() * 2) as u32;
        ptr::copy_nonoverlapping(name.as_ptr(), (&raw mut (*data).FileName).cast(), name.len());
    }
    set(handle, buffer.as_ptr().cast(), bytes as u32, FileRenameInformation)
}

/// Removes what is open, also one that is marked as read-only. The name is free at once where the file system can do that,
/// else when the last handle is closed.
pub(super) fn remove(handle: &OwnedHandle) -> io::Result<()> {
    let at_once = FILE_DISPOSITION_INFORMATION_EX {
        Flags: FILE_DISPOSITION_DELETE
            | FILE_DISPOSITION_POSIX_SEMANTICS
            | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE,
    };
    let size = size_of::<FILE_DISPOSITION_INFORMATION_EX>() as u32;
    set(handle, (&raw const at_once).cast(), size, FileDispositionInformationEx).or_else(|_| {
        let later = FILE_DISPOSITION_INFORMATION { DeleteFile: true };
        let size = size_of::<FILE_DISPOSITION_INFORMATION>() as u32;
        set(handle, (&raw const later).cast(), size, FileDispositionInformation)
    })
}

/// Marks an open file as read-only, or as writable.
pub(super) fn set_read_only(handle: &OwnedHandle, read_only: bool) -> io::Result<()> {
    let mut basic: FILE_BASIC_INFO = information(handle, FileBasicInfo)?;
    basic.FileAttributes &= !FILE_ATTRIBUTE_READONLY;
    if read_only {
        basic.FileAttributes |= FILE_ATTRIBUTE_READONLY;
    }
    if basic.FileAttributes == 0 {
        // No attributes at all mean "leave them".
        basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
    }
    let size = size_of::<FILE_BASIC_INFO>() as u32;
    // SAFETY: the handle is open, and the structure is the one of this class.
    let done = unsafe {
        SetFileInformationByHandle(handle.as_raw_handle(), FileBasicInfo, (&raw const basic).cast(), size)
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The path under which an open file or directory is now.
pub(super) fn path(handle: &OwnedHandle) -> io::Result<PathBuf> {
    // The longest path that NTFS has.
    let mut buffer = vec![0u16; 32_768];
    // SAFETY: the handle is open, and the buffer is as long as it says.
    let length = unsafe {
        GetFinalPathNameByHandleW(handle.as_raw_handle(), buffer.as_mut_ptr(), buffer.len() as u32, 0)
    };
    match buffer.get(..length as usize) {
        Some(path) if length > 0 => Ok(OsString::from_wide(path).into()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A name that stays in its directory: Windows takes both slashes as separators, and what follows a colon as a second
/// stream of the file.
fn single_name(name: &OsStr) -> io::Result<Vec<u16>> {
    let wide: Vec<u16> = name.encode_wide().collect();
    let leads_elsewhere = wide.iter().any(|unit| [b'/', b'\\', b':', 0].map(u16::from).contains(unit));
    if wide.is_empty() || leads_elsewhere || name == "." || name == ".." {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    Ok(wide)
}

/// The structure `T` of the class of information that it belongs to.
fn information<T: Default>(handle: &OwnedHandle, class: i32) -> io::Result<T> {
    let mut data = T::default();
    let size = size_of::<T>() as u32;
    // SAFETY: the handle is open; the callers above pair each class with its structure, which is plain data.
    let done = unsafe {
        GetFileInformationByHandleEx(handle.as_raw_handle(), class, (&raw mut data).cast::<c_void>(), size)
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(data) }
}

fn set(handle: &OwnedHandle, data: *const c_void, size: u32, class: i32) -> io::Result<()> {
    let mut status = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open; the callers above pair each class with its structure, `size` bytes at `data`.
    succeeded(unsafe { NtSetInformationFile(handle.as_raw_handle(), &mut status, data, size, class) })
}

fn succeeded(status: NTSTATUS) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: it takes and returns plain numbers.
    let code = unsafe { RtlNtStatusToDosError(status) };
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

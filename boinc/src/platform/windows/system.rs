//! Where Windows itself is.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

/// The directory of Windows' own programs.
///
/// # Errors
/// What Windows reports.
pub fn system_directory() -> io::Result<PathBuf> {
    let mut buffer = [0u16; 1024];
    // SAFETY: the buffer is as long as it says.
    let length = unsafe { GetSystemDirectoryW(buffer.as_mut_ptr(), buffer.len() as u32) };
    match buffer.get(..length as usize) {
        Some(path) if length > 0 => Ok(OsString::from_wide(path).into()),
        _ => Err(io::Error::last_os_error()),
    }
}

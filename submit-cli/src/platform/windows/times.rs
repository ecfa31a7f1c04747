//! Times of files.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_READ_ATTRIBUTES, FileBasicInfo,
    GetFileInformationByHandleEx,
};

/// Steps of 100 nanoseconds in a second.
const STEPS: i64 = 10_000_000;

/// Seconds from 1601, where Windows' times begin, to 1970.
const FROM_1601_TO_1970: i64 = 11_644_473_600;

/// When a file was last written, and when anything of it last changed: seconds and nanoseconds since 1970.
///
/// # Errors
/// The kernel's answer.
pub fn times_of(path: &Path) -> io::Result<[(i64, i64); 2]> {
    let mut options = OpenOptions::new();
    let file =
        options.access_mode(FILE_READ_ATTRIBUTES).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)?;
    let mut basic = FILE_BASIC_INFO::default();
    let size = size_of::<FILE_BASIC_INFO>() as u32;
    // SAFETY: the handle is open, and the structure is the one of this class.
    let done = unsafe {
        GetFileInformationByHandleEx(file.as_raw_handle(), FileBasicInfo, (&raw mut basic).cast(), size)
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok([basic.LastWriteTime, basic.ChangeTime].map(since_1970))
}

fn since_1970(steps: i64) -> (i64, i64) {
    (steps.div_euclid(STEPS) - FROM_1601_TO_1970, steps.rem_euclid(STEPS) * 100)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_new_file_was_written_now() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "text").unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for (seconds, nanoseconds) in times_of(&file).unwrap() {
            assert!(seconds.abs_diff(now.cast_signed()) < 60, "{seconds}");
            assert!((0..1_000_000_000).contains(&nanoseconds));
        }
    }
}

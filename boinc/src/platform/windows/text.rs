//! Paths in files that a client writes.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use windows_sys::Win32::Globalization::{CP_ACP, MultiByteToWideChar};

/// The path with these bytes: UTF-8, or else of the code page in which a client writes the paths in init_data.xml.
pub fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => from_code_page(bytes).into(),
    }
}

/// The bytes of a path, in UTF-8. What is not text in UTF-16 becomes a replacement character.
pub fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    match path.to_string_lossy() {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    }
}

fn from_code_page(bytes: &[u8]) -> OsString {
    // In no code page a byte stands for more than one unit.
    let mut wide = vec![0u16; bytes.len()];
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    // SAFETY: both buffers are at least `length` long.
    let made = unsafe { MultiByteToWideChar(CP_ACP, 0, bytes.as_ptr(), length, wide.as_mut_ptr(), length) };
    wide.truncate(usize::try_from(made).unwrap_or(0));
    OsString::from_wide(&wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_utf_8_or_of_the_code_page() {
        assert_eq!(path_from_bytes("C:\\Données/x".as_bytes()), Path::new("C:\\Données/x"));
        // 0xe9 is é in the code pages of western Europe; in every other one it is also a single character or a bad one.
        let path = path_from_bytes(b"C:\\Donn\xe9es");
        assert_eq!(path.to_string_lossy().chars().count(), "C:\\Données".chars().count());
        assert!(path.starts_with("C:\\"));
    }

    #[test]
    fn a_path_survives_the_round_trip() {
        for path in ["C:\\ProgramData\\BOINC", "D:\\数据/slots/0", ""] {
            assert_eq!(path_from_bytes(&path_bytes(Path::new(path))), Path::new(path));
        }
    }
}

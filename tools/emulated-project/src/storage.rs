//! The download and upload directories.

use std::collections::HashMap;
use std::sync::Arc;

use boinc::hex::hex;
use md5::{Digest, Md5};

/// The default of `uldl_dir_fanout`.
const FANOUT: u32 = 1024;

/// The subdirectory of a file: characters 1–7 of the name's md5 as a number, modulo the fan-out, in hex
/// (`filename_hash` of html/inc/dir_hier.inc).
pub(crate) fn subdirectory(name: &str) -> String {
    let digest = Md5::digest(name.as_bytes());
    // Hex digits 1 to 7 are the low four bits of the first byte and the next three bytes.
    let number = u32::from(digest[0] & 0x0f) << 24
        | u32::from(digest[1]) << 16
        | u32::from(digest[2]) << 8
        | u32::from(digest[3]);
    format!("{:x}", number % FANOUT)
}

/// MD5 in hex.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// A stored file.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// What is in it.
    pub bytes: Arc<[u8]>,
    /// MD5 in hex.
    pub md5: Arc<str>,
}

impl StoredFile {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let md5 = md5_hex(&bytes).into();
        Self { bytes: bytes.into(), md5 }
    }
}

/// Both directories and the templates; file names are unique within each.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(crate) download: HashMap<String, StoredFile>,
    /// Files in the download directory itself, where `update_versions` puts those of app versions.
    pub(crate) app_files: HashMap<String, Vec<u8>>,
    pub(crate) upload: HashMap<String, StoredFile>,
    /// Files in `templates/`, by path below it.
    pub(crate) templates: HashMap<String, Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::subdirectory;

    #[test]
    fn files_fan_out_as_the_server_did() {
        assert_eq!(subdirectory("bt_73588e5ffca61a6f1a8cfe56e3fac5a9"), "2a2");
        assert_eq!(subdirectory("bt_f54b5aebcb430187662634a0a5e5936a"), "a8");
        assert_eq!(subdirectory("bt_868bac8001e33fab1b34c5e4fa64eebd"), "9");
    }
}

//! A file to upload.

use std::path::PathBuf;
use std::sync::Arc;

/// A file to upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Physical name.
    pub name: String,
    /// What is in it.
    pub body: UploadBody,
}

/// The content of a file to upload.
#[derive(Debug, Clone)]
pub enum UploadBody {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// On disk, with the size in bytes that it must have.
    File(PathBuf, u64),
}

impl UploadBody {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, bytes) => *bytes,
        }
    }
}

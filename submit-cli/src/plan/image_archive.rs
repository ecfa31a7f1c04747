//! An image archive as its bundle declares it.

use std::fs::File;
use std::io;
use std::path::Path;

use boinc::archive::image::{ArchiveError, ImageArchive};

/// The digest to declare for an archive; `None` if it cannot be read.
pub fn digest_of(file: &Path) -> Option<String> {
    Some(open(file).ok()?.config_digest().to_owned())
}

pub(crate) fn open(file: &Path) -> Result<ImageArchive, ArchiveError> {
    if !file.is_file() {
        return Err(ArchiveError::Read(io::ErrorKind::NotFound.into()));
    }
    ImageArchive::open(File::open(file).map_err(ArchiveError::Read)?, None)
}

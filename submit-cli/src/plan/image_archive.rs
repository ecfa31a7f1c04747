//! An image archive as its bundle declares it.

use std::fs::File;
use std::io;
use std::path::Path;

use boinc::archive::image::{ArchiveError, ImageArchive};

/// The digest to declare for an archive, or for its image for an architecture; `None` if it cannot be read.
pub fn digest_of(file: &Path, architecture: Option<&str>) -> Option<String> {
    Some(open(file, architecture).ok()?.config_digest().to_owned())
}

/// Opens the archive's image, of several that for `architecture`.
pub(crate) fn open(file: &Path, architecture: Option<&str>) -> Result<ImageArchive, ArchiveError> {
    if !file.is_file() {
        return Err(ArchiveError::Read(io::ErrorKind::NotFound.into()));
    }
    ImageArchive::open(File::open(file).map_err(ArchiveError::Read)?, architecture)
}

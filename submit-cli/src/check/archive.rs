//! Reads an image archive as a volunteer's computer will.

use std::fs::File;
use std::io;
use std::path::Path;

use wrapper::archive::image::{ArchiveError, ImageArchive};

use crate::app::{AppSpec, Image};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// Checks that the archive of `[image]` holds one image for Linux, the declared one, with layers that are what its
/// configuration says.
///
/// A file that cannot be read is reported when the bundle is packed.
pub fn check(app: &AppSpec, mistakes: &mut Diagnostics) {
    let Image::Tarball { file, digest, .. } = &app.image else { return };
    let mut archive = match open(file) {
        Ok(archive) => archive,
        Err(ArchiveError::Read(_)) => return,
        Err(error) => return mistakes.push(Diagnostic::new(Place::file(file), error.to_string())),
    };
    if archive.config_digest() != digest.as_str() {
        let found = format!("digest is {:?}, but {} holds another image", digest.as_str(), file.display());
        mistakes.push(
            Diagnostic::new(Place::file(&app.file), found)
                .accepted(format!("digest = {:?}", archive.config_digest())),
        );
    }
    if archive.os() != "linux" {
        let found = format!("the image is for {:?}, architecture {:?}", archive.os(), archive.architecture());
        mistakes.push(Diagnostic::new(Place::file(file), found).accepted("an image for linux"));
    }
    match archive.write_anew("buoy-check", &[], u64::MAX, &mut io::sink(), &|| false) {
        Ok(()) | Err(ArchiveError::Read(_)) => {}
        Err(error) => mistakes.push(Diagnostic::new(Place::file(file), error.to_string())),
    }
}

/// The digest to declare for an archive; `None` if it is not one.
pub fn digest_of(file: &Path) -> Option<String> {
    Some(open(file).ok()?.config_digest().to_owned())
}

fn open(file: &Path) -> Result<ImageArchive, ArchiveError> {
    if !file.is_file() {
        return Err(ArchiveError::Read(io::ErrorKind::NotFound.into()));
    }
    ImageArchive::open(File::open(file).map_err(ArchiveError::Read)?, None)
}

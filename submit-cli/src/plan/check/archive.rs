//! Checks an image archive with the reader that volunteers' computers use.

use std::io;

use boinc::archive::image::ArchiveError;

use crate::plan::app::{AppSpec, Image};
use crate::plan::image_archive::open;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

/// Checks that the archive of `[image]` holds one image for Linux, the declared one, with layers that match its
/// configuration.
///
/// A file that cannot be read is reported when the bundle is packed.
pub fn check(app: &AppSpec, mistakes: &mut Diagnostics) {
    let Image::Tarball { file, digest, .. } = &app.image else { return };
    let mut archive = match open(file) {
        Ok(archive) => archive,
        Err(ArchiveError::Read(_)) => return,
        Err(error) => return mistakes.push(Diagnostic::new(Location::file(file), error.to_string())),
    };
    if archive.config_digest() != digest.as_str() {
        let found = format!("digest is {:?}, but {} holds another image", digest.as_str(), file.display());
        mistakes.push(
            Diagnostic::new(Location::file(&app.file), found)
                .accepted(format!("digest = {:?}", archive.config_digest())),
        );
    }
    if archive.os() != "linux" {
        let found = format!("the image is for {:?}, architecture {:?}", archive.os(), archive.architecture());
        mistakes.push(Diagnostic::new(Location::file(file), found).accepted("an image for linux"));
    }
    match archive.rewrite("buoy-check", &[], u64::MAX, &mut io::sink(), &|| false) {
        Ok(()) | Err(ArchiveError::Read(_)) => {}
        Err(error) => mistakes.push(Diagnostic::new(Location::file(file), error.to_string())),
    }
}

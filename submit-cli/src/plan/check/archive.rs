//! Checks an image archive with the reader that volunteers' computers use.

use boinc::archive::image::ArchiveError;
use boinc::job::entry_point::lost_arguments;
use boinc::job::spec::{MAX_IMAGE_WORKDIR_BYTES, MAX_IMAGE_WORKDIR_ENTRIES, PassArgs};

use super::image_workdir::{Contents, contents};
use crate::plan::app::{AppSpec, ContextFile, Image, ImageArchive};
use crate::plan::image_archive::open;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

/// Checks that each archive of `[image]` holds one image for Linux, the declared one, with layers that match its
/// configuration, that the arguments which jobs have reach its program, and that it has little at the work directory. Warns
/// about images that few hosts can run.
///
/// A file that cannot be read is reported when the bundle is packed.
pub fn check(app: &AppSpec, jobs_have_arguments: bool, mistakes: &mut Diagnostics) -> Option<Diagnostic> {
    let Image::Archives(archives) = &app.image else { return None };
    let mut found = Vec::new();
    for archive in archives {
        found.extend(check_one(app, archive, jobs_have_arguments, mistakes));
    }
    let first = archives.first()?;
    if found.is_empty() || found.iter().any(|architecture| architecture == "amd64") {
        return None;
    }
    let what = if found.len() == 1 { "the image is" } else { "the images are" };
    let found = format!(
        "{what} for {}: most volunteers' computers are amd64, and cannot run it",
        found.join(" and ")
    );
    let help = "build one with --platform linux/amd64, or submit its jobs to a BOINC app whose versions are all for this \
                architecture";
    Some(Diagnostic::new(Location::file(&first.file.path), found).help(help))
}

/// The architecture of an archive's image.
fn check_one(
    app: &AppSpec,
    declared: &ImageArchive,
    jobs_have_arguments: bool,
    mistakes: &mut Diagnostics,
) -> Option<String> {
    let ImageArchive { architecture, file: ContextFile { path: file, .. }, digest } = declared;
    let mut archive = match open(file, architecture.as_deref()) {
        Ok(archive) => archive,
        Err(ArchiveError::Read(_)) => return None,
        Err(error) => {
            mistakes.push(Diagnostic::new(Location::file(file), error.to_string()));
            return None;
        }
    };
    if let Some(architecture) = architecture
        && archive.architecture() != architecture
    {
        let found =
            format!("the image is for {}, but [image] names it for {architecture}", archive.architecture());
        mistakes.push(Diagnostic::new(Location::file(file), found));
        return None;
    }
    if archive.config_digest() != digest.as_str() {
        let found = format!("digest is {:?}, but {} holds another image", digest.as_str(), file.display());
        let right = match architecture {
            Some(architecture) => format!("{architecture} = {:?} in digest", archive.config_digest()),
            None => format!("digest = {:?}", archive.config_digest()),
        };
        mistakes.push(Diagnostic::new(Location::file(&app.file), found).accepted(right));
    }
    if archive.os() != "linux" {
        let found = format!("the image is for {:?}, architecture {:?}", archive.os(), archive.architecture());
        mistakes.push(Diagnostic::new(Location::file(file), found).accepted("an image for linux"));
    }
    let config = archive.config();
    if config.entrypoint().is_empty() && config.cmd().is_empty() {
        let found = "the image has neither an ENTRYPOINT nor a CMD";
        mistakes.push(Diagnostic::new(Location::file(file), found).accepted("ENTRYPOINT [\"program\"]"));
    }
    let pass_args = app.pass_args.unwrap_or(PassArgs::Both);
    let has_cmd_alone = config.entrypoint().is_empty() && !config.cmd().is_empty();
    if jobs_have_arguments && has_cmd_alone && app.pass_args.is_none() {
        let found = "the image has a CMD without ENTRYPOINT: the arguments of a job would replace it";
        mistakes.push(
            Diagnostic::new(Location::file(file), found)
                .accepted("ENTRYPOINT [\"program\"], after which a job's arguments follow")
                .help("set pass_args in [run] of app.toml: \"env\" if the program reads $ARGS, \"argv\" to replace CMD"),
        );
    }
    if jobs_have_arguments && lost_arguments(config.entrypoint(), pass_args).is_some() {
        let found = "the image's ENTRYPOINT starts a shell, which does not pass the arguments of a job to the program";
        mistakes.push(
            Diagnostic::new(Location::file(file), found)
                .accepted("ENTRYPOINT [\"program\", \"word\"], or ENTRYPOINT exec program \"$0\" \"$@\"")
                .help("set pass_args = \"env\" in [run] of app.toml if the program reads $ARGS"),
        );
    }
    match contents(&mut archive, app.workdir.as_str()) {
        Ok(Contents { bytes, entries })
            if bytes > MAX_IMAGE_WORKDIR_BYTES || entries > MAX_IMAGE_WORKDIR_ENTRIES =>
        {
            let found = format!(
                "the image has {} MB and {entries} files at {}, where each job's work directory is",
                bytes.div_ceil(1_000_000),
                app.workdir
            );
            let most = format!(
                "up to {} MB and {MAX_IMAGE_WORKDIR_ENTRIES} files, which each job gets a copy of",
                MAX_IMAGE_WORKDIR_BYTES / 1_000_000
            );
            mistakes.push(
                Diagnostic::new(Location::file(file), found)
                    .accepted(most)
                    .help("put files that do not change into another directory of the image, such as /opt"),
            );
        }
        Ok(_) | Err(ArchiveError::Read(_)) => {}
        Err(error) => mistakes.push(Diagnostic::new(Location::file(file), error.to_string())),
    }
    Some(archive.architecture().to_owned())
}

//! Refuses, before anything is sent, what a BOINC server or client would reject or break on.

mod archive;
mod dockerfile;
mod image_workdir;
mod limits;
mod risks;
mod start_files;

use std::path::Path;

pub use archive::check as archive;
pub use dockerfile::check as dockerfile;
pub use limits::{outputs, xml};
pub use risks::{of_app, of_jobs};

use crate::plan::app::AppSpec;
use crate::plan::expand::Draft;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

/// Checks that each per-job input of each job is a file that can be read.
pub fn job_files(app: &AppSpec, drafts: &[Draft], mistakes: &mut Diagnostics) {
    for draft in drafts {
        for (input, path) in app.job_inputs().zip(&draft.inputs) {
            if let Some(fault) = fault(path) {
                mistakes.push(missing(&input.name, path, fault, draft.origin.place()));
            }
        }
    }
}

/// Checks that the file of an input can be read.
pub fn input_file(name: &str, path: &Path, place: &Location, mistakes: &mut Diagnostics) {
    if let Some(fault) = fault(path) {
        mistakes.push(missing(name, path, fault, place.clone()));
    }
}

fn missing(name: &str, path: &Path, fault: String, place: Location) -> Diagnostic {
    let path =
        if path.as_os_str().is_empty() { "an empty path".to_owned() } else { path.display().to_string() };
    Diagnostic::new(place, format!("input {name:?}: {path} {fault}"))
}

fn fault(path: &Path) -> Option<String> {
    match path.metadata() {
        Ok(meta) if meta.is_file() => None,
        Ok(meta) if meta.is_dir() => {
            Some("is a directory; an input is one file (a tar archive, for instance)".into())
        }
        Ok(_) => Some("is not a regular file".into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("does not exist".into()),
        Err(error) => Some(format!("cannot be read: {error}")),
    }
}

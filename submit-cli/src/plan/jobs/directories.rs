//! Jobs from a directory with a directory for each, as BUDA takes them: input files by the names that the container
//! sees, an optional `cmdline` with more arguments, and `shared_input_files/` next to the jobs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Naming, Row, Rows};
use crate::plan::Origin;
use crate::plan::app::AppSpec;
use crate::plan::command::split_words;
use crate::platform::path_text;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

const SHARED: &str = "shared_input_files";
const CMDLINE: &str = "cmdline";

/// The files of `shared_input_files/`, by name.
pub type Shared = BTreeMap<String, PathBuf>;

/// Reads the directory; the rows have the job's name as column `dir` and each per-job input's path by its name.
pub fn read(dir: &Path, app: &AppSpec, mistakes: &mut Diagnostics) -> Option<(Rows, Shared)> {
    let before = mistakes.len();
    let mut shared = Shared::new();
    let mut rows = Vec::new();
    let inputs: Vec<&str> = app.job_inputs().map(|input| input.name.as_str()).collect();
    for (name, path) in entries(dir, mistakes)? {
        if !path.is_dir() {
            let found = "a file among the jobs' directories";
            mistakes.push(
                Diagnostic::new(Location::file(&path), found)
                    .accepted(format!("a directory for each job, and {SHARED}/")),
            );
        } else if name == SHARED {
            shared = shared_files(&path, app, mistakes)?;
        } else {
            rows.extend(job(&name, &path, &inputs, mistakes));
        }
    }
    if rows.is_empty() && mistakes.len() == before {
        let found = "no jobs in this directory";
        mistakes.push(Diagnostic::new(Location::file(dir), found).accepted("a directory for each job"));
    }
    let columns = std::iter::once("dir").chain(inputs.iter().copied()).map(str::to_owned).collect();
    let rows = Rows { columns, base: PathBuf::new(), rows, naming: Naming::Column(0) };
    Some((rows, shared))
}

fn job(name: &str, path: &Path, inputs: &[&str], mistakes: &mut Diagnostics) -> Option<Row> {
    let mut more_args = Vec::new();
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (file, path) in entries(path, mistakes)? {
        if file == CMDLINE {
            more_args = cmdline(&path, mistakes)?;
        } else if inputs.contains(&file.as_str()) {
            found.insert(file, path);
        } else {
            mistakes.push(undeclared(&path, &file, inputs, "per-job input"));
        }
    }
    let mut values = vec![name.to_owned()];
    for input in inputs {
        // The check of inputs reports missing files.
        let file = found.remove(*input).unwrap_or_else(|| path.join(input));
        match path_text(&file) {
            Some(file) => values.push(file.into_owned()),
            None => {
                mistakes.push(Diagnostic::new(Location::file(path), "the path is not UTF-8 text"));
                return None;
            }
        }
    }
    Some(Row { values, origin: Origin { file: Arc::from(path), line: 0 }, more_args })
}

fn cmdline(path: &Path, mistakes: &mut Diagnostics) -> Option<Vec<String>> {
    let place = Location::file(path);
    let words = match std::fs::read_to_string(path) {
        Ok(text) => split_words(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("failed to read it: {error}")),
    };
    words.map_err(|found| mistakes.push(Diagnostic::new(place, found))).ok()
}

fn shared_files(dir: &Path, app: &AppSpec, mistakes: &mut Diagnostics) -> Option<Shared> {
    let declared: Vec<&str> = app.shared_inputs().map(|input| input.name.as_str()).collect();
    let mut shared = Shared::new();
    for (name, path) in entries(dir, mistakes)? {
        if declared.contains(&name.as_str()) {
            shared.insert(name, path);
        } else {
            mistakes.push(undeclared(&path, &name, &declared, "shared input"));
        }
    }
    Some(shared)
}

fn undeclared(path: &Path, name: &str, declared: &[&str], kind: &str) -> Diagnostic {
    let found = format!("the app does not declare a {kind} {name:?}");
    Diagnostic::new(Location::file(path), found).accepted_words(name, declared)
}

/// What is in a directory, by name, in the order of the names; without hidden entries.
fn entries(dir: &Path, mistakes: &mut Diagnostics) -> Option<Vec<(String, PathBuf)>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let paths = match read() {
        Ok(paths) => paths,
        Err(error) => {
            mistakes.push(Diagnostic::new(Location::file(dir), format!("failed to read it: {error}")));
            return None;
        }
    };
    let mut entries = Vec::with_capacity(paths.len());
    for path in paths {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => entries.push((name.to_owned(), path)),
            None => mistakes.push(Diagnostic::new(Location::file(&path), "the name is not UTF-8 text")),
        }
    }
    entries.sort();
    Some(entries)
}

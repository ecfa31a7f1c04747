//! Jobs from files: one for each, named or matched by a pattern.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Naming, Row, Rows, shown_dir};
use crate::plan::Origin;
use crate::platform::path_text;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

/// The files that a pattern such as `ligands/*.pdbqt` matches, relative to `base`, in the order of their names.
pub fn matching(base: &Path, pattern: &str, place: &Location, mistakes: &mut Diagnostics) -> Vec<PathBuf> {
    let escaped = base.to_str().map(glob::Pattern::escape);
    let Some(whole) = escaped.map(|base| Path::new(&base).join(pattern)) else {
        mistakes.push(Diagnostic::new(Location::file(base), "the path is not UTF-8 text"));
        return Vec::new();
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..Default::default()
    };
    let paths = match glob::glob_with(whole.to_str().unwrap_or_default(), options) {
        Ok(paths) => paths,
        Err(error) => {
            let found = format!("invalid pattern {pattern:?}: {}", error.msg);
            mistakes.push(Diagnostic::new(place.clone(), found).accepted("names with *, ?, [abc] or **"));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for path in paths {
        match path {
            Ok(path) if path.is_file() => files.push(path),
            Ok(_) => {}
            Err(error) => {
                let found = format!("failed to read it: {}", error.error());
                mistakes.push(Diagnostic::new(Location::file(error.path()), found));
            }
        }
    }
    if files.is_empty() {
        let found = format!("{pattern:?} does not match a file in {}", shown_dir(base));
        mistakes.push(Diagnostic::new(place.clone(), found));
    }
    files
}

/// A job for each file; the row has its path as column `file`.
pub fn rows(files: &[PathBuf], mistakes: &mut Diagnostics) -> Rows {
    let mut rows = Vec::with_capacity(files.len());
    for path in files {
        match path_text(path) {
            Some(text) => rows.push(Row {
                values: vec![text.into_owned()],
                origin: Origin { file: Arc::from(path.as_path()), line: 0 },
                more_args: Vec::new(),
            }),
            None => mistakes.push(Diagnostic::new(Location::file(path), "the path is not UTF-8 text")),
        }
    }
    Rows { columns: vec!["file".into()], base: PathBuf::new(), rows, naming: Naming::Column(0) }
}

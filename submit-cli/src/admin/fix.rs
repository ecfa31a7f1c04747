//! Fixes what can be fixed without asking: modes of directories, a missing directory, a part of a text file.
//!
//! Nothing is removed. A text file is copied before it is changed, and changed at once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use boinc::platform::{entry_at, set_mode};

use super::rewrite::{give_to_owner_of_parent, rewrite};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Change modes.
    Mode {
        /// The files or directories.
        paths: Vec<PathBuf>,
        /// Bits to set.
        add: u32,
        /// Bits to take away.
        remove: u32,
    },
    /// Make a directory.
    Directory {
        /// The directory; its parent exists.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Replace a part of a text file.
    Text {
        /// The file.
        file: PathBuf,
        /// The bytes to replace.
        range: Range<usize>,
        /// What is there now.
        old: String,
        /// What is to be there.
        new: String,
    },
}

/// A fix that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to change {}", path.display())]
pub struct FixError {
    path: PathBuf,
    source: io::Error,
}

/// Applies fixes; each result is a line about what was done.
pub fn apply(fixes: &[Fix]) -> Vec<Result<String, FixError>> {
    let mut done = Vec::new();
    let mut texts: BTreeMap<&Path, Vec<Edit<'_>>> = BTreeMap::new();
    for fix in fixes {
        match fix {
            Fix::Mode { paths, add, remove } => done.push(change_modes(paths, *add, *remove)),
            Fix::Directory { path, mode } => done.push(make_directory(path, *mode)),
            Fix::Text { file, range, old, new } => {
                texts.entry(file).or_default().push(Edit { range: range.clone(), old, new });
            }
        }
    }
    for (file, edits) in texts {
        match edit(file, edits) {
            Ok(lines) => done.extend(lines.into_iter().map(Ok)),
            Err(source) => done.push(Err(FixError { path: file.to_path_buf(), source })),
        }
    }
    done
}

struct Edit<'f> {
    range: Range<usize>,
    old: &'f str,
    new: &'f str,
}

fn change_modes(paths: &[PathBuf], add: u32, remove: u32) -> Result<String, FixError> {
    for path in paths {
        entry_at(path)
            .and_then(|entry| set_mode(path, (entry.mode & !remove) | add))
            .map_err(|source| FixError { path: path.clone(), source })?;
    }
    let first = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    let more = match paths.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    Ok(format!("chmod {} {first}{more}", symbolic(add, remove)))
}

/// As chmod takes it: `g+rwxs,o-w`.
pub fn symbolic(add: u32, remove: u32) -> String {
    let mut words = Vec::new();
    for (sign, bits) in [('+', add), ('-', remove)] {
        for (who, shift, special) in [('u', 6, 0o4000), ('g', 3, 0o2000), ('o', 0, 0)] {
            let mut letters = String::new();
            for (letter, bit) in [('r', 4), ('w', 2), ('x', 1)] {
                if bits >> shift & bit != 0 {
                    letters.push(letter);
                }
            }
            if bits & special != 0 {
                letters.push('s');
            }
            if !letters.is_empty() {
                words.push(format!("{who}{sign}{letters}"));
            }
        }
    }
    words.join(",")
}

fn make_directory(path: &Path, mode: u32) -> Result<String, FixError> {
    let failed = |source| FixError { path: path.to_path_buf(), source };
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    give_to_owner_of_parent(path).map_err(failed)?;
    set_mode(path, mode).map_err(failed)?;
    Ok(format!("created {} with mode {mode:o}", path.display()))
}

/// The lines about what was done.
fn edit(file: &Path, mut edits: Vec<Edit<'_>>) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    edits.sort_by_key(|edit| edit.range.start);
    if edits.iter().any(|edit| text.get(edit.range.clone()) != Some(edit.old)) {
        return Err(io::Error::other("it changed while it was checked; run the command again"));
    }
    let mut new = text.clone();
    let mut lines = Vec::new();
    for edit in edits.iter().rev() {
        new.replace_range(edit.range.clone(), edit.new);
        let line = text[..edit.range.start].matches('\n').count() + 1;
        lines.push(format!("{}:{line}: {:?} became {:?}", file.display(), edit.old.trim(), edit.new.trim()));
    }
    lines.reverse();
    let backup = free_name(file);
    fs::copy(file, &backup)?;
    give_to_owner_of_parent(&backup)?;
    rewrite(file, &new)?;
    lines.push(format!("kept the old {} as {}", file.display(), backup.display()));
    Ok(lines)
}

fn free_name(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (1_u32..)
        .map(|number| file.with_file_name(format!("{name}.before-fix-{number}")))
        .find(|path| path.symlink_metadata().is_err())
        .unwrap_or_else(|| file.with_extension("before-fix"))
}

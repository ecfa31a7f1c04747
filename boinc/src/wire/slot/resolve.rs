//! Where an input lies and where an output must go, and the refusal of links that lead elsewhere.
//!
//! A workunit file in copy mode can hold any text, so also a forged `<soft_link>../../../etc/passwd`.
//! The client itself links to nothing but files directly in the project's directory.

use super::check_job_name;
use super::link::read_link;
use crate::file_error::FileError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a name in a slot leads to no file that a job may read or write.
#[derive(Debug, thiserror::Error)]
pub enum SlotPathError {
    /// The name is impossible or not the job's, or what it leads to is not a file of the job: why.
    #[error("{0}")]
    Refused(String),
    /// There is no such file.
    #[error("input {name:?} is missing: looked for {}", path.display())]
    Missing {
        /// Its name in the slot.
        name: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The system could not answer.
    #[error("cannot look at {}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The link cannot be read.
    #[error(transparent)]
    Link(#[from] FileError),
}

/// Where an input's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputPath {
    /// Copy mode: the file itself, in the slot. It is the task's own and may be moved.
    Copy(PathBuf),
    /// Link mode: a file in the project's directory, with all links resolved. Other tasks use it too, so
    /// it must stay as it is.
    Link(PathBuf),
}

impl InputPath {
    /// The file, wherever it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Copy(path) | Self::Link(path) => path,
        }
    }
}

/// Where an output must be when the task ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputPath {
    /// Copy mode: in the slot; the client moves it from there.
    Copy(PathBuf),
    /// Link mode: in the project's directory, under the output's physical name.
    Link(PathBuf),
}

impl OutputPath {
    /// The file, wherever it goes.
    pub fn path(&self) -> &Path {
        match self {
            Self::Copy(path) | Self::Link(path) => path,
        }
    }
}

/// Finds the file behind an input's name in a slot.
///
/// # Errors
/// The name is impossible or the client's, there is no file, or a link leads to anything but a regular,
/// non-hidden file directly in `project_dir`.
pub fn resolve_input(slot: &Path, project_dir: &Path, name: &str) -> Result<InputPath, SlotPathError> {
    check_name(name)?;
    let entry = slot.join(name);
    let Some(link) = read_link(slot, name)? else {
        return match fs::symlink_metadata(&entry) {
            Ok(metadata) if metadata.is_file() => {
                within_slot(slot, &entry, name)?;
                Ok(InputPath::Copy(entry))
            }
            Ok(_) => Err(not_a_file(name, &entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SlotPathError::Missing { name: name.to_owned(), path: entry })
            }
            Err(source) => Err(SlotPathError::Io { path: entry, source }),
        };
    };
    let project_dir = canonical(project_dir)?;
    let opened = link.target_in(slot, name);
    let outside = || outside(name, &link.target, &project_dir);
    let file = match fs::canonicalize(&opened) {
        Ok(file) => file,
        // Tell nobody by the choice of message whether a file outside exists.
        Err(_) if !parent_is(&opened, &project_dir) => return Err(outside()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SlotPathError::Missing { name: name.to_owned(), path: opened });
        }
        Err(source) => return Err(SlotPathError::Io { path: opened, source }),
    };
    if file.parent() != Some(&project_dir) {
        return Err(outside());
    }
    check_hidden(&file, name, &link.target)?;
    if !fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
        return Err(not_a_file(name, &file));
    }
    Ok(InputPath::Link(file))
}

/// Finds where an output of that name must go. Without a link in the slot it stays in the slot (copy
/// mode: the client puts nothing there, `client/app_start.cpp` `setup_file`).
///
/// # Errors
/// The name is impossible or the client's, or a link leads to anything but a place directly in
/// `project_dir` whose name begins with `<result_name>_`, as the server names outputs. An empty
/// `result_name` (an old or foreign init_data.xml) leaves the last check out.
pub fn resolve_output(
    slot: &Path,
    project_dir: &Path,
    result_name: &str,
    name: &str,
) -> Result<OutputPath, SlotPathError> {
    check_name(name)?;
    let Some(link) = read_link(slot, name)? else {
        return Ok(OutputPath::Copy(slot.join(name)));
    };
    let project_dir = canonical(project_dir)?;
    let opened = link.target_in(slot, name);
    let base = opened.file_name().map(|base| base.to_string_lossy().into_owned());
    let (Some(base), true) = (base, parent_is(&opened, &project_dir)) else {
        return Err(outside(name, &link.target, &project_dir));
    };
    let file = project_dir.join(&base);
    check_hidden(&file, name, &link.target)?;
    if !result_name.is_empty() && !is_output_of(&base, result_name) {
        let target = link.target.display();
        return Err(SlotPathError::Refused(format!(
            "output {name:?} is a link to {target}, whose name does not begin with \"{result_name}_\""
        )));
    }
    match fs::symlink_metadata(&file) {
        // Also a symbolic link: writing would go through it.
        Ok(metadata) if !metadata.is_file() => Err(not_a_file(name, &file)),
        Ok(_) => Ok(OutputPath::Link(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OutputPath::Link(file)),
        Err(source) => Err(SlotPathError::Io { path: file, source }),
    }
}

/// Whether a physical name is one that a server gives to an output of this result: `RESULT_rRANDOM_NUMBER`, or
/// `RESULT_NUMBER`. That it begins with the result's name is not enough: `wu_1` is also the beginning of `wu_1_0`.
fn is_output_of(base: &str, result_name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = base.strip_prefix(result_name).and_then(|rest| rest.strip_prefix('_')) else {
        return false;
    };
    match rest.split_once('_') {
        None => number(rest),
        Some((random, last)) => random.strip_prefix('r').is_some_and(number) && number(last),
    }
}

fn check_name(name: &str) -> Result<(), SlotPathError> {
    check_job_name(name).map_err(|fault| SlotPathError::Refused(format!("file name {name:?} {fault}")))
}

fn check_hidden(file: &Path, name: &str, target: &Path) -> Result<(), SlotPathError> {
    let hidden = file.file_name().is_some_and(|base| base.as_encoded_bytes().starts_with(b"."));
    if hidden {
        let target = target.display();
        return Err(SlotPathError::Refused(format!("{name:?} is a link to the hidden file {target}")));
    }
    Ok(())
}

fn not_a_file(name: &str, path: &Path) -> SlotPathError {
    SlotPathError::Refused(format!("{name:?} leads to {}, which is not a regular file", path.display()))
}

fn outside(name: &str, target: &Path, directory: &Path) -> SlotPathError {
    let (target, directory) = (target.display(), directory.display());
    SlotPathError::Refused(format!("{name:?} is a link to {target}, which is not directly in {directory}"))
}

/// A directory inside the slot may be a symbolic link to elsewhere.
fn within_slot(slot: &Path, entry: &Path, name: &str) -> Result<(), SlotPathError> {
    let slot = canonical(slot)?;
    let file = canonical(entry)?;
    if file.starts_with(&slot) {
        return Ok(());
    }
    Err(outside(name, &file, &slot))
}

fn canonical(path: &Path) -> Result<PathBuf, SlotPathError> {
    fs::canonicalize(path).map_err(|source| SlotPathError::Io { path: path.to_owned(), source })
}

fn parent_is(path: &Path, directory: &Path) -> bool {
    path.parent().and_then(|parent| fs::canonicalize(parent).ok()).is_some_and(|parent| parent == directory)
}

#[cfg(test)]
mod tests;

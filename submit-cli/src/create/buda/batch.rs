//! A batch: a directory for each job.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::unzip::{Limits, unzip};
use super::{CMDLINE, SHARED};
use crate::create::CreateError;

/// What a batch's directory holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Names of inputs that are the same for all jobs.
    pub shared: Vec<String>,
    /// Names of inputs that at least one job has.
    pub own: Vec<String>,
    pub jobs: usize,
}

impl Batch {
    /// Copies a batch, a zip file or a directory, to the new directory `into`, and scans it.
    ///
    /// # Errors
    /// It is not a batch.
    pub fn import(from: &Path, into: &Path, limits: Limits) -> Result<Self, CreateError> {
        fs::create_dir_all(into).map_err(CreateError::write(into))?;
        if from.is_dir() {
            copy_jobs(from, into)?;
        } else {
            unzip(from, into, limits)?;
        }
        let batch = Self::scan(into)?;
        if batch.jobs == 0 {
            return Err(CreateError::invalid(
                "batch",
                from,
                "no jobs in it; accepted: a directory for each job",
            ));
        }
        Ok(batch)
    }

    fn scan(dir: &Path) -> Result<Self, CreateError> {
        let (mut shared, mut own) = (BTreeSet::new(), BTreeSet::new());
        let mut jobs = 0;
        for (name, path) in visible(dir)? {
            let files = visible(&path)?.into_iter().map(|(file, _)| file);
            if name == SHARED {
                shared.extend(files);
            } else {
                jobs += 1;
                own.extend(files.filter(|file| file != CMDLINE));
            }
        }
        Ok(Self { shared: shared.into_iter().collect(), own: own.into_iter().collect(), jobs })
    }
}

/// Copies the directories of the jobs with the files in them; links and special files are refused.
fn copy_jobs(from: &Path, into: &Path) -> Result<(), CreateError> {
    for (name, path) in visible(from)? {
        if !is(&path, fs::FileType::is_dir)? {
            return Err(invalid(&path, "a file among the jobs' directories"));
        }
        let target = into.join(&name);
        fs::create_dir_all(&target).map_err(CreateError::write(&target))?;
        for (file, path) in visible(&path)? {
            if !is(&path, fs::FileType::is_file)? {
                return Err(invalid(&path, "not a regular file"));
            }
            let target = target.join(file);
            fs::copy(&path, &target).map_err(CreateError::write(&target))?;
        }
    }
    Ok(())
}

fn is(path: &Path, kind: impl Fn(&fs::FileType) -> bool) -> Result<bool, CreateError> {
    let metadata = path.symlink_metadata().map_err(CreateError::read(path))?;
    Ok(kind(&metadata.file_type()))
}

/// The entries of a directory, by name, without hidden ones, which BUDA also ignores.
fn visible(dir: &Path) -> Result<Vec<(String, PathBuf)>, CreateError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(CreateError::read(dir))? {
        let path = entry.map_err(CreateError::read(dir))?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => entries.push((name.to_owned(), path)),
            None => return Err(invalid(&path, "its name is not UTF-8 text")),
        }
    }
    entries.sort();
    Ok(entries)
}

fn invalid(path: &Path, fault: &str) -> CreateError {
    CreateError::invalid("part of the batch", path, format!("{fault}; accepted: JOB/FILE"))
}

//! A batch: a directory for each job.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::unzip::{Limits, UnzipError, unzip};
use super::{CMDLINE, SHARED};

/// What a batch's directory holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Inputs that are the same for all jobs, by name.
    pub shared: Vec<String>,
    /// Inputs that at least one job has, by name.
    pub own: Vec<String>,
    /// How many jobs.
    pub jobs: usize,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The zip file.
    #[error(transparent)]
    Unzip(#[from] UnzipError),
    /// Something in the directory is not what it should be.
    #[error("{}: {fault}", path.display())]
    Member {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// There is no job in it.
    #[error("{}: no job in it; accepted: a directory for each job", path.display())]
    NoJob {
        /// The batch.
        path: PathBuf,
    },
    /// Something cannot be read or written.
    #[error("{} cannot be {done}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl Batch {
    /// Puts a batch, a zip file or a directory, into the directory `into`, which is made, and looks at it.
    ///
    /// # Errors
    /// It is no batch.
    pub fn take(from: &Path, into: &Path, limits: Limits) -> Result<Self, BatchError> {
        fs::create_dir_all(into).map_err(failed(into, "written"))?;
        if from.is_dir() {
            copy_jobs(from, into)?;
        } else {
            unzip(from, into, limits)?;
        }
        let batch = Self::look(into)?;
        match batch.jobs {
            0 => Err(BatchError::NoJob { path: from.to_path_buf() }),
            _ => Ok(batch),
        }
    }

    fn look(dir: &Path) -> Result<Self, BatchError> {
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

/// Copies the directories of the jobs with the files in them; links and the like are refused, not followed.
fn copy_jobs(from: &Path, into: &Path) -> Result<(), BatchError> {
    for (name, path) in visible(from)? {
        if !is(&path, fs::FileType::is_dir)? {
            let fault = "a file among the jobs' directories; accepted: JOB/FILE";
            return Err(BatchError::Member { path, fault });
        }
        let target = into.join(&name);
        fs::create_dir_all(&target).map_err(failed(&target, "written"))?;
        for (file, path) in visible(&path)? {
            if !is(&path, fs::FileType::is_file)? {
                let fault = "neither a directory nor a link belongs there; accepted: JOB/FILE";
                return Err(BatchError::Member { path, fault });
            }
            let target = target.join(file);
            fs::copy(&path, &target).map_err(failed(&target, "written"))?;
        }
    }
    Ok(())
}

fn is(path: &Path, kind: impl Fn(&fs::FileType) -> bool) -> Result<bool, BatchError> {
    let metadata = path.symlink_metadata().map_err(failed(path, "read"))?;
    Ok(kind(&metadata.file_type()))
}

/// What is in a directory, by name, without hidden entries, which BUDA passes over too.
fn visible(dir: &Path) -> Result<Vec<(String, PathBuf)>, BatchError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed(dir, "read"))? {
        let path = entry.map_err(failed(dir, "read"))?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => entries.push((name.to_owned(), path)),
            None => return Err(BatchError::Member { path, fault: "the name is not UTF-8 text" }),
        }
    }
    entries.sort();
    Ok(entries)
}

fn failed(path: &Path, done: &'static str) -> impl FnOnce(io::Error) -> BatchError {
    let path = path.to_path_buf();
    move |source| BatchError::Io { path, done, source }
}

//! Which results directories hold campaigns: a line for each in `campaigns`, in the user's state directory.
//!
//! The file only helps to find campaigns again. Nothing depends on it: what is lost of it comes back when a campaign is
//! next worked on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use boinc::file_error::if_found;

use crate::campaign::file_error::{FileError, create_dir};
use crate::platform::resolved;
use crate::user_dirs;

/// Environment variable: where the state is instead of `$XDG_STATE_HOME/buoy` or `~/.local/state/buoy`.
pub const STATE_DIR_VARIABLE: &str = "BUOY_STATE_DIR";

const FILE: &str = "campaigns";

/// Why the index can't be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is no home to keep it in.
    #[error(
        "neither HOME nor XDG_STATE_HOME nor {STATE_DIR_VARIABLE} is set, so there is no list of campaigns"
    )]
    NoHome,
    /// The list.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The list of campaigns.
#[derive(Debug, Clone)]
pub struct Index {
    path: PathBuf,
}

impl Index {
    /// The user's.
    ///
    /// # Errors
    /// There is no home.
    pub fn of_user() -> Result<Self, IndexError> {
        let dir = user_dirs::set(STATE_DIR_VARIABLE).or_else(user_dirs::state).ok_or(IndexError::NoHome)?;
        Ok(Self::at(&dir))
    }

    /// The one in this directory.
    pub fn at(dir: &Path) -> Self {
        Self { path: dir.join(FILE) }
    }

    /// Adds a results directory that exists, if it is not there yet.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn remember(&self, results: &Path) -> Result<(), IndexError> {
        let results = resolved(results).map_err(FileError::at(results, "find it"))?;
        if self.campaigns()?.contains(&results) {
            return Ok(());
        }
        let mut file = self.open()?;
        self.lock(&file)?;
        // One write, so that a reader never sees half a line.
        let text = format!("{}\n", line(&results));
        let written = file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(text.as_bytes()));
        Ok(written.map_err(FileError::at(&self.path, "write to it"))?)
    }

    /// The results directories, in the order in which they were first worked on. Some may be gone.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn campaigns(&self) -> Result<Vec<PathBuf>, IndexError> {
        let read = File::open(&self.path).and_then(|mut file| {
            // Windows refuses to read what another process has locked. Where nothing can be locked, nothing is.
            let _ = file.lock_shared();
            let mut text = String::new();
            file.read_to_string(&mut text).map(|_| text)
        });
        let text = if_found(read).map_err(FileError::at(&self.path, "read it"))?;
        Ok(directories(&text.unwrap_or_default()))
    }

    /// Keeps only what `keep` says; how many were removed.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn prune(&self, keep: impl Fn(&Path) -> bool) -> Result<usize, IndexError> {
        if !self.path.exists() {
            return Ok(0);
        }
        // The lock keeps others from adding a line that would be lost.
        let mut file = self.open()?;
        self.lock(&file)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(FileError::at(&self.path, "read it"))?;
        let all = directories(&text);
        let kept: Vec<&PathBuf> = all.iter().filter(|dir| keep(dir)).collect();
        let text: String = kept.iter().map(|dir| format!("{}\n", line(dir))).collect();
        // In place: a new file would not be the one that others wait for.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(FileError::at(&self.path, "write it anew"))?;
        Ok(all.len() - kept.len())
    }

    fn open(&self) -> Result<File, FileError> {
        if let Some(dir) = self.path.parent() {
            create_dir(dir)?;
        }
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .map_err(FileError::at(&self.path, "open it"))
    }

    fn lock(&self, file: &File) -> Result<(), FileError> {
        file.lock().map_err(FileError::at(&self.path, "lock it"))
    }
}

/// A path as a JSON text: a line whatever is in its name. What is no UTF-8 is written as well as can be.
fn line(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

/// The paths of a file, each once. A line that is none is left out.
fn directories(text: &str) -> Vec<PathBuf> {
    let mut seen = std::collections::HashSet::new();
    text.lines()
        .filter_map(|line| serde_json::from_str::<PathBuf>(line).ok())
        .filter(|dir| seen.insert(dir.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campaigns_are_remembered_once_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::at(&dir.path().join("state"));
        assert!(index.campaigns().unwrap().is_empty());
        let results: Vec<PathBuf> = ["b", "a", "line\nbreak \"x\""].map(|name| dir.path().join(name)).into();
        for results in &results {
            std::fs::create_dir(results).unwrap();
            index.remember(results).unwrap();
            index.remember(results).unwrap();
        }
        let canonical: Vec<PathBuf> = results.iter().map(|dir| dir.canonicalize().unwrap()).collect();
        assert_eq!(index.campaigns().unwrap(), canonical);
    }

    #[test]
    fn what_is_gone_can_be_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::at(dir.path());
        assert_eq!(index.prune(|_| false).unwrap(), 0, "no file yet");
        let (here, gone) = (dir.path().join("here"), dir.path().join("gone"));
        for results in [&here, &gone] {
            std::fs::create_dir(results).unwrap();
            index.remember(results).unwrap();
        }
        std::fs::remove_dir(&gone).unwrap();
        assert_eq!(index.prune(Path::exists).unwrap(), 1);
        assert_eq!(index.campaigns().unwrap(), [here.canonicalize().unwrap()]);
    }

    #[test]
    fn many_processes_may_add_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::at(dir.path());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (index, dir) = (index.clone(), dir.path());
                scope.spawn(move || {
                    let results = dir.join(number.to_string());
                    std::fs::create_dir(&results).unwrap();
                    index.remember(&results).unwrap();
                });
            }
        });
        assert_eq!(index.campaigns().unwrap().len(), 8);
    }

    #[test]
    fn a_damaged_line_is_left_out() {
        assert_eq!(
            directories("\"/a\"\nhalf a li\n\"/a\"\n\"/b\"\n"),
            [PathBuf::from("/a"), PathBuf::from("/b")]
        );
    }
}

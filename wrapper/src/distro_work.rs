//! Work directories in the agent's own system, where files have owners, modes and locks, and are faster than on a drive of
//! Windows.
//!
//! Each slot has one directory here, named by the slot's path, with the work directory and a file that says whose it is. A
//! client does not know of it, so what a task has left is removed by the agents: at the task's end, else at the start of the
//! next agent of any slot. What is to be removed gets another name first, so that nothing half removed is ever used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boinc::atomic_file::write_atomically;
use boinc::nofollow::remove_tree;
use boinc::platform::make_private_directory;
use boinc::wire::init_data::InitData;
use serde::{Deserialize, Serialize};

use crate::agent_lock::{slot_name, try_lock};
use crate::state_dir::StateDir;
use crate::task_data;
use crate::workdir::Layout;

/// The directory of all of them.
const DIRECTORY: &str = "work";

/// The file that says whose a work directory is, next to it.
const TASK_FILE: &str = "task.json";

/// How names of directories begin that are to be removed. No slot's name begins so.
const REMOVED: &str = "removed-";

/// A directory whose slot cannot be found, while its drive may only not be mounted, is kept for so long.
const KEPT_WITHOUT_SLOT: Duration = Duration::from_secs(14 * 86_400);

/// Whose a work directory is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    slot: PathBuf,
    project_dir: PathBuf,
    result_name: String,
}

impl Task {
    fn of(slot: &Path, init_data: &InitData) -> Self {
        Self {
            slot: slot.to_owned(),
            project_dir: init_data.project_dir.clone(),
            result_name: init_data.result_name.clone(),
        }
    }

    /// `None` if it cannot be read: it is written before the directory is used.
    fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(directory.join(TASK_FILE)).ok()?).ok()
    }

    fn write(&self, directory: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        write_atomically(&directory.join(TASK_FILE), &text)
    }

    /// Whether its slot has another task now, or none. A client that starts a task again removes init_data.xml for a moment, so
    /// that a missing or damaged one says nothing.
    fn is_over(&self, last_use: Option<SystemTime>) -> bool {
        if let Ok(init_data) = task_data::read(&self.slot) {
            return Self::of(&self.slot, &init_data) != *self;
        }
        match fs::read_dir(&self.slot) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let has_client = self.slot.ancestors().nth(2).is_some_and(Path::is_dir);
                let age = last_use.and_then(|last| SystemTime::now().duration_since(last).ok());
                has_client || age.is_some_and(|age| age > KEPT_WITHOUT_SLOT)
            }
            Err(_) => false,
        }
    }
}

/// Whether this is an agents' directory with work directories.
pub fn is_in(system: &Path) -> bool {
    let is_named_by_us = |entry: fs::DirEntry| entry.path().join(TASK_FILE).is_file();
    fs::read_dir(system.join(DIRECTORY)).into_iter().flatten().flatten().any(is_named_by_us)
}

/// The directory for the work directory of this task, made if it is missing. One of an earlier task of the slot is put aside,
/// and one that was not laid out wholly.
///
/// # Errors
/// When it cannot be made.
pub fn claim(system: &StateDir, slot: &Path, init_data: &InitData) -> io::Result<PathBuf> {
    let task = Task::of(slot, init_data);
    let directory = system.subdirectory(DIRECTORY)?.join(slot_name(slot));
    let is_usable = Task::read(&directory).is_some_and(|found| found == task);
    if !is_usable || !directory.join(Layout::WHOLE).exists() {
        // While the task begins.
        set_aside(&directory)?.map(remove_apart);
    }
    make_private_directory(&directory)?;
    // Each time, so that the file's age is that of the last use.
    task.write(&directory)?;
    Ok(directory)
}

/// Removes what [`claim`] has made: for `patience` at most, the rest is left to the next agent.
pub fn remove(directory: &Path, patience: Duration) {
    let Ok(Some(aside)) = set_aside(directory) else { return };
    let _ = remove_apart(aside).recv_timeout(patience);
}

/// Removes a tree on a thread of its own, and then closes the channel.
fn remove_apart(aside: PathBuf) -> Receiver<()> {
    let (done, is_done) = channel();
    // Without a thread the next agent does it.
    let _ = thread::Builder::new().name("removal".into()).spawn(move || {
        let _ = remove_tree(&aside);
        drop(done);
    });
    is_done
}

/// Removes what tasks have left that are over, on a thread of its own. `slot` is that of this process.
pub fn remove_leftovers_of_others(system: &StateDir, slot: &Path) {
    let (system, own) = (system.clone(), slot_name(slot));
    // Without threads nothing else will work either.
    let _ = thread::Builder::new().name("leftovers".into()).spawn(move || sweep(&system, &own));
}

fn sweep(system: &StateDir, own: &str) {
    for entry in fs::read_dir(system.join(DIRECTORY)).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let removed = if name.starts_with(REMOVED) {
            remove_tree(&entry.path())
        } else if name == own {
            continue;
        } else {
            remove_if_over(system, &name, &entry.path())
        };
        // Another agent may be at it too.
        if let Err(error) = removed
            && entry.path().exists()
        {
            crate::say!("failed to remove {}: {error}", entry.path().display());
        }
    }
}

fn remove_if_over(system: &StateDir, name: &str, directory: &Path) -> io::Result<()> {
    let is_over = || {
        let last_use = fs::metadata(directory.join(TASK_FILE)).and_then(|data| data.modified()).ok();
        Task::read(directory).is_none_or(|task| task.is_over(last_use))
    };
    // Most are in use: their locks are left alone.
    if !is_over() {
        return Ok(());
    }
    let lock = try_lock(system, name).map_err(io::Error::other)?;
    // An agent that has started in the meantime holds the lock.
    let aside = if lock.is_some() && is_over() { set_aside(directory)? } else { None };
    drop(lock);
    aside.map_or(Ok(()), |aside| remove_tree(&aside))
}

/// Gives a directory the name of one to be removed; `None` if it is missing.
fn set_aside(directory: &Path) -> io::Result<Option<PathBuf>> {
    let name = directory.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let aside = directory.with_file_name(format!("{REMOVED}{name}-{:x}", now.as_nanos()));
    match fs::rename(directory, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

//! What is kept of a result when its slot is emptied, and what is added to the job's directory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use boinc::wire::slot::STDERR_FILE;

use crate::campaign::JobRecord;
use crate::campaign::file_error::{FileError, create_dir, remove_file};
use crate::campaign::job_view::JobState;
use crate::campaign::results::tail;

use super::layout::Layout;
use super::slot::{self, OutputRef};

/// A client sends the last part of a log to the server (`client/app_control.cpp`, `read_stderr_file`).
const LOG_BYTES: u64 = 63 * 1024;

/// Keeps the end of a slot's stderr.txt.
pub fn keep_log(slot: &Path, log: &Path) -> Result<(), FileError> {
    let path = slot.join(STDERR_FILE);
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(&path) {
        let read = |file: &mut File, text: &mut Vec<u8>| -> std::io::Result<()> {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
            file.read_to_end(text).map(drop)
        };
        read(&mut file, &mut text).map_err(FileError::at(&path, "read it"))?;
    }
    std::fs::write(log, text).map_err(FileError::at(log, "write it"))
}

/// Moves a slot to the directory of kept slots, with the outputs themselves in place of the links to them.
pub fn keep_slot(layout: &Layout, slot: &Path, kept: &Path, outputs: &[OutputRef]) -> Result<(), FileError> {
    for output in outputs {
        let from = layout.project_dir().join(&output.physical_name);
        if !from.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        let to = slot.join(&output.open_name);
        remove_file(&to)?;
        std::fs::hard_link(&from, &to)
            .or_else(|_| std::fs::copy(&from, &to).map(drop))
            .map_err(FileError::at(&to, "put an output here"))?;
    }
    if let Some(dir) = kept.parent() {
        create_dir(dir)?;
    }
    slot::remove(kept)?;
    match std::fs::rename(slot, kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::at(kept, "move the slot here")(error))
        }
        _ => Ok(()),
    }
}

/// The directory for outputs of a result that did not become canonical.
pub fn rejected_dir(layout: &Layout, job: &JobRecord, n: u32) -> PathBuf {
    layout.rejected(&job.name).join(n.to_string())
}

/// Moves the outputs of a result that did not become canonical to a directory where the user finds them, by their names in the
/// app.
pub fn reject(layout: &Layout, job: &JobRecord, n: u32, outputs: &[OutputRef]) -> Result<(), FileError> {
    let dir = rejected_dir(layout, job, n);
    for output in outputs {
        let places = [layout.project_dir().join(&output.physical_name), layout.upload(&output.physical_name)];
        for from in places.iter().filter(|path| path.symlink_metadata().is_ok()) {
            create_dir(&dir)?;
            let to = dir.join(&output.open_name);
            std::fs::rename(from, &to).map_err(FileError::at(&to, "move an output here"))?;
        }
    }
    Ok(())
}

/// Takes care of the outputs that the emulated server still has of a finished job: those of a failed one are kept for the user;
/// when it is done, nothing is kept but what was collected.
pub fn settle_outputs(
    layout: &Layout,
    job: &JobRecord,
    outputs: impl Fn(u32) -> Vec<OutputRef>,
) -> Result<(), FileError> {
    if job.state() != JobState::Done {
        return job.results.iter().try_for_each(|result| reject(layout, job, result.n, &outputs(result.n)));
    }
    for output in job.results.iter().flat_map(|result| outputs(result.n)) {
        remove_file(&layout.upload(&output.physical_name))?;
    }
    let dir = layout.rejected(&job.name);
    boinc::nofollow::remove_tree(&dir).map_err(FileError::at(&dir, "remove it"))
}

/// The directory of a job's results.
pub fn job_dir(layout: &Layout, job: &JobRecord) -> PathBuf {
    layout.results().join(&job.name)
}

/// Whether a job's log is in its directory.
pub fn has_log(layout: &Layout, job: &JobRecord) -> bool {
    job_dir(layout, job).join(STDERR_FILE).exists()
}

/// Removes the assimilator's note of a failure (`WORKUNIT_error`): the table and the job's log say more.
pub fn remove_note(layout: &Layout, job: &JobRecord) -> Result<(), FileError> {
    remove_file(&layout.results().join(format!("{}_error", job.wu_name)))
}

/// Writes the log of the most informative result to the job's directory; returns its last lines. No output can have this
/// name, which is reserved for BOINC.
pub fn place_log(layout: &Layout, job: &JobRecord) -> Result<String, FileError> {
    let dir = job_dir(layout, job);
    create_dir(&dir)?;
    let text = match job.most_informative() {
        Some(result) => {
            let log = layout.log(&job.result_name(result.n));
            match std::fs::read(&log) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(FileError::at(&log, "read it")(error)),
            }
        }
        None => Vec::new(),
    };
    let path = dir.join(STDERR_FILE);
    std::fs::write(&path, &text).map_err(FileError::at(&path, "write it"))?;
    Ok(tail(&String::from_utf8_lossy(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(STDERR_FILE), "x".repeat(100_000) + "\nthe end\n").unwrap();
        let log = dir.path().join("log");
        keep_log(dir.path(), &log).unwrap();
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.len(), 63 * 1024);
        assert!(tail(&text).ends_with("\nthe end"));
    }
}

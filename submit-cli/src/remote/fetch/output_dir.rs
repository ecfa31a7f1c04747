//! Where outputs go: `DIR/JOB/OUTPUT`, by way of `DIR/.buoy/incoming`, on the same file system.
//!
//! A file has its final name only once it is whole and on the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use boinc::platform::replace;
use sha2::{Digest, Sha256};

use super::FetchError;
use crate::campaign::STATE_DIR;
use crate::campaign::file_error::{FileError, create_dir};
use crate::campaign::meta::{CampaignMeta, OutputMeta};
use crate::campaign::results::{REPORT_FILE, TABLE_FILE, has_outputs, is_plain};
use crate::plan::content;
use crate::platform::can_be_named;

const INCOMING: &str = "incoming";

/// A directory of results.
#[derive(Debug)]
pub(super) struct OutputDir {
    dir: PathBuf,
    incoming: PathBuf,
    outputs: Vec<OutputMeta>,
}

impl OutputDir {
    pub(super) fn new(dir: &Path, meta: &CampaignMeta) -> Result<Self, FetchError> {
        if let Some(output) = meta.outputs.iter().find(|output| !is_plain(&output.name)) {
            return Err(FetchError::OutputName { name: output.name.clone() });
        }
        let incoming = dir.join(STATE_DIR).join(INCOMING);
        create_dir(&incoming)?;
        Ok(Self::at(dir, &meta.outputs))
    }

    /// A place that is only looked at.
    pub(super) fn at(dir: &Path, outputs: &[OutputMeta]) -> Self {
        let incoming = dir.join(STATE_DIR).join(INCOMING);
        Self { dir: dir.to_owned(), incoming, outputs: outputs.to_vec() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn outputs(&self) -> &[OutputMeta] {
        &self.outputs
    }

    /// Where an output is while it is not whole. Named after the workunit, so that the bytes of another attempt are never
    /// gone on from; by a hash, since the name alone can be as long as a file's name may be.
    pub(super) fn part(&self, workunit: &str, output: usize) -> PathBuf {
        self.incoming.join(format!("{}.{output}.part", short(workunit)))
    }

    /// Where a zip of a job's outputs is.
    pub(super) fn zip(&self, workunit: &str) -> PathBuf {
        self.incoming.join(format!("{}.zip.part", short(workunit)))
    }

    /// A job's directory, if its name can be one.
    pub(super) fn job_dir(&self, job: &str) -> Option<PathBuf> {
        let is_ours = [STATE_DIR, TABLE_FILE, REPORT_FILE].contains(&job);
        (is_plain(job) && !is_ours && can_be_named(job)).then(|| self.dir.join(job))
    }

    /// Whether all that a finished job must have written is in its directory.
    pub(super) fn has(&self, job: &str) -> bool {
        self.job_dir(job).is_some_and(|dir| dir.is_dir()) && has_outputs(&self.dir, job, &self.outputs)
    }

    /// Gives whole outputs their names. They are on the disk before, and their names after.
    pub(super) fn put(&self, workunit: &str, dir: &Path, present: &[usize]) -> Result<(), FileError> {
        create_dir(dir)?;
        for &output in present {
            let to = dir.join(&self.outputs[output].name);
            replace(&self.part(workunit, output), &to).map_err(FileError::at(&to, "move an output here"))?;
        }
        sync_dir(dir);
        sync_dir(&self.dir);
        Ok(())
    }

    /// Takes a job's outputs from another directory of results.
    pub(super) fn copy_from(&self, results: &Path, job: &str) -> Result<(), FileError> {
        let Some(to) = self.job_dir(job) else { return Ok(()) };
        let mut present = Vec::new();
        for (at, output) in self.outputs.iter().enumerate() {
            let (from, part) = (results.join(job).join(&output.name), self.part(job, at));
            match copy_synced(&from, &part) {
                Ok(()) => present.push(at),
                Err(error) if error.kind() == io::ErrorKind::NotFound && output.optional => {}
                Err(error) => return Err(FileError::at(&part, "copy an output here")(error)),
            }
        }
        self.put(job, &to, &present)
    }

    /// Removes what is empty; parts stay, to go on from.
    pub(super) fn tidy(&self) {
        // Not empty is no failure.
        let _ = fs::remove_dir(&self.incoming);
        let _ = fs::remove_dir(self.dir.join(STATE_DIR));
    }
}

fn short(name: &str) -> String {
    content::hex(&Sha256::digest(name)[..16])
}

/// Copies a file, durably. The copy is open for writing until then: Windows makes nothing else durable.
fn copy_synced(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut copy = File::create(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.sync_data()
}

/// Some file systems can't do it, and nothing could be done about it.
fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}

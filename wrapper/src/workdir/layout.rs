//! The wrapper's own places for a task.

use std::io;
use std::path::{Path, PathBuf};

use boinc::atomic_file::write_atomically;
use boinc::nofollow::Directory;

/// Where things are. What is in the slot, the client removes with the slot's other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The slot directory, absolute.
    pub slot: PathBuf,
    /// The directory that holds the work directory, where that is not in the slot.
    elsewhere: Option<PathBuf>,
}

impl Layout {
    /// The directory in the slot that holds all of ours.
    pub const OWN: &'static str = boinc::wire::slot::OWN_DIRECTORY;

    /// The work directory's name in the directory that holds it.
    pub const WORK: &'static str = "work";

    /// The file next to a work directory elsewhere that was laid out wholly.
    pub const WHOLE: &'static str = "whole";

    /// With the work directory in the slot.
    pub fn new(slot: impl Into<PathBuf>) -> Self {
        Self { slot: slot.into(), elsewhere: None }
    }

    /// With the work directory in `own`, a directory for this process's user alone that no job can write to.
    pub fn elsewhere(slot: &Path, own: PathBuf) -> Self {
        Self { slot: slot.to_owned(), elsewhere: Some(own) }
    }

    /// Whether the work directory is in the slot.
    pub fn is_in_slot(&self) -> bool {
        self.elsewhere.is_none()
    }

    /// The directory that holds the work directory.
    pub fn own(&self) -> PathBuf {
        self.elsewhere.clone().unwrap_or_else(|| self.slot.join(Self::OWN))
    }

    /// Waits until a work directory elsewhere would survive that its system is switched off, as WSL does without a warning, and
    /// notes that it is whole: a job must not be started over inputs that are empty since.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn seal(&self) -> io::Result<()> {
        let Some(own) = &self.elsewhere else { return Ok(()) };
        Directory::open(&self.work())?.sync_file_system()?;
        write_atomically(&own.join(Self::WHOLE), b"")
    }

    /// What the container sees at its WORKDIR.
    pub fn work(&self) -> PathBuf {
        self.own().join(Self::WORK)
    }
}

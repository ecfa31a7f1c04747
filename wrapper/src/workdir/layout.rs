//! The wrapper's own places in a slot.

use std::path::PathBuf;

/// Where things are. The client removes all of it with the slot's other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The slot directory, absolute.
    pub slot: PathBuf,
}

impl Layout {
    /// The directory that holds all of ours.
    pub const OWN: &'static str = boinc::wire::slot::OWN_DIRECTORY;

    /// The work directory's name in it.
    pub const WORK: &'static str = "work";

    pub fn new(slot: impl Into<PathBuf>) -> Self {
        Self { slot: slot.into() }
    }

    /// The directory that holds all of ours.
    pub fn own(&self) -> PathBuf {
        self.slot.join(Self::OWN)
    }

    /// What the container sees at its WORKDIR.
    pub fn work(&self) -> PathBuf {
        self.own().join(Self::WORK)
    }
}

//! The wrapper's own places in a slot.

use std::path::{Path, PathBuf};

/// Where things are. The client removes all of it with the slot's other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The slot directory, absolute.
    pub slot: PathBuf,
}

impl Layout {
    /// The directory that holds all of ours.
    pub const OWN: &'static str = "buoy";

    /// The layout of this slot.
    pub fn new(slot: impl Into<PathBuf>) -> Self {
        Self { slot: slot.into() }
    }

    /// The directory that holds all of ours.
    pub fn own(&self) -> PathBuf {
        self.slot.join(Self::OWN)
    }

    /// What the container sees at its WORKDIR.
    pub fn work(&self) -> PathBuf {
        self.own().join("work")
    }

    /// The build context, while an image is built.
    pub fn context(&self) -> PathBuf {
        self.own().join("context")
    }

    /// What one life of the wrapper tells the next.
    pub fn state(&self) -> PathBuf {
        self.own().join("state.json")
    }

    /// What all slots of a client share: locks and notes on images. In the project's directory, which is there for
    /// every job and writable for apps in a sandbox too; hidden from jobs, whose links may not lead to hidden names.
    pub fn host_dir(project_dir: &Path) -> PathBuf {
        if project_dir.as_os_str().is_empty() {
            return std::env::temp_dir().join(format!("buoy-{}", rustix::process::geteuid().as_raw()));
        }
        project_dir.join(".buoy")
    }
}

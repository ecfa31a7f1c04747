//! An item that is being worked on, and where its files are.

use std::fs::{self, File};
use std::path::PathBuf;

use super::item::{Item, ItemOutput, ItemState};
use super::{FILES, SpoolError, at};

/// Directory of the files that the item's script wrote.
const EXTRA: &str = "extra";

/// The same while the script runs.
const EXTRA_TEMPORARY: &str = "extra.tmp";

/// An item that nobody else works on while this lives.
#[derive(Debug)]
pub struct ClaimedItem {
    /// Its directory.
    pub directory: PathBuf,
    /// What was handed over.
    pub item: Item,
    /// Tries so far.
    pub state: ItemState,
    pub(super) _lock: File,
}

impl ClaimedItem {
    /// Writes how far it has come.
    pub(crate) fn save(&self) -> Result<(), SpoolError> {
        let path = self.directory.join("state.json");
        let temporary = self.directory.join("state.json.tmp");
        let text = serde_json::to_vec(&self.state).expect("texts and numbers become JSON");
        fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path)).map_err(at(&path))
    }

    /// The batch's number in the database, if it is known.
    pub(crate) fn batch_id(&self) -> Option<&str> {
        self.item.batch_id.as_deref().or(self.state.batch_id.as_deref())
    }

    /// Where the route's script writes its files.
    pub(crate) fn extra_temporary(&self) -> PathBuf {
        self.directory.join(EXTRA_TEMPORARY)
    }

    /// Where they are when the script has finished.
    pub(crate) fn extra(&self) -> PathBuf {
        self.directory.join(EXTRA)
    }

    /// The path of an output that was taken.
    pub(crate) fn file(&self, output: &ItemOutput) -> PathBuf {
        self.directory.join(FILES).join(&output.physical_name)
    }
}

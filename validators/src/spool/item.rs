//! What is in the spool.

use std::time::Duration;

use boinc::backoff::Backoff;
use boinc::visible::is_terminal_control;
use serde::{Deserialize, Serialize};

use crate::bounds::shortened;
use crate::script::extra_outputs::MOST;

/// Version of item.json.
pub(crate) const VERSION: u32 = 1;

/// Time between two tries.
const BACKOFF: Backoff = Backoff::endless(Duration::from_secs(15), Duration::from_secs(6 * 3600));

/// What an assimilator was handed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Version of this form.
    pub version: u32,
    /// Its name in the spool: the result's name, or `WORKUNIT.failed-MASK`; with `.again-ID` behind it if that is
    /// taken by an older workunit of the same name.
    pub key: String,
    /// The workunit's name.
    pub workunit: String,
    /// The result's number in its workunit; `None` where names are not BOINC's, and for failures.
    pub instance: Option<u32>,
    /// The workunit's number in the database, as text.
    pub workunit_id: String,
    /// The batch's number in the database, as text; only for failures.
    pub batch_id: Option<String>,
    /// When it was handed over, seconds since 1970.
    pub received: f64,
    /// What has happened to the workunit.
    pub outcome: WorkunitOutcome,
    /// The outputs, by number.
    pub outputs: Vec<ItemOutput>,
}

impl Item {
    /// Whether this can be the item of this name, and leads nowhere else; why not.
    pub(crate) fn check(&self, key: &str) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("unsupported version {}, expected {VERSION}", self.version));
        }
        if self.key != key {
            return Err(format!("it contains the item {:?}", shortened(&self.key)));
        }
        let names = self.outputs.iter().map(|output| &output.physical_name).chain([&self.workunit]);
        let mut names = names.chain(self.batch_id.as_ref());
        match names.find(|name| !is_file_name(name)) {
            Some(name) => Err(format!("invalid file name {:?}", shortened(name))),
            None => Ok(()),
        }
    }
}

/// Whether a text is the name of one file, and not of a directory above.
pub(crate) fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
}

/// Whether a text is a number as a file's name is made of it.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit())
}

/// What has happened to a workunit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkunitOutcome {
    /// It has a canonical result.
    Canonical,
    /// It failed, for these reasons (`db/boinc_db_types.h`, `WU_ERROR_*`).
    Failed {
        /// The reasons, as bits.
        mask: u32,
    },
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutput {
    /// Its number in the output template.
    pub number: usize,
    /// Its logical name, where the server passes it.
    pub logical_name: Option<String>,
    /// Its name on the server.
    pub physical_name: String,
    /// What was there.
    pub state: OutputState,
}

/// What was in an output's place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputState {
    /// Nothing.
    #[default]
    Missing,
    /// A file, which is in the item's directory under its physical name.
    Stored {
        /// Its size.
        bytes: u64,
    },
    /// Something that no output can be.
    Malformed {
        /// What, in words.
        kind: String,
    },
}

impl OutputState {
    /// The size of a file that was taken.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            OutputState::Stored { bytes } => Some(*bytes),
            _ => None,
        }
    }
}

/// How far an item has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemState {
    /// Steps that are done: `script`, `table`, `hook`.
    pub done: Vec<String>,
    /// Names of the files that the script was to make, once it is done.
    pub extra_outputs: Vec<String>,
    /// The batch's number in the database, as text, once the project was asked for it.
    pub batch_id: Option<String>,
    /// Whether somebody is working on it, or has ended while doing so.
    pub started: bool,
    /// Tries that failed.
    pub attempts: u32,
    /// Why the last one did.
    pub error: String,
    /// When it is tried again, seconds since 1970.
    pub next_attempt: f64,
}

impl ItemState {
    /// What a file says, as far as it can be so.
    pub(crate) fn sanitized(mut self) -> Self {
        self.done.retain(|step| matches!(step.as_str(), "script" | "table" | "hook"));
        self.extra_outputs.truncate(MOST);
        self.extra_outputs.retain(|name| is_file_name(name) && !name.contains(is_terminal_control));
        self.batch_id = self.batch_id.filter(|id| is_number(id));
        self
    }

    /// Notes a failure.
    pub(crate) fn failed(&mut self, error: String, now: f64) {
        self.started = false;
        self.attempts = self.attempts.saturating_add(1);
        self.error = error;
        self.next_attempt = now + BACKOFF.wait(self.attempts).as_secs_f64();
    }
}

/// The reasons of a failure in words (`db/boinc_db_types.h`, `WU_ERROR_*`).
pub(crate) fn reasons(mask: u32) -> String {
    const WORDS: [&str; 6] = [
        "could not send result",
        "too many error results",
        "too many success results",
        "too many total results",
        "cancelled",
        "no canonical result",
    ];
    let known = WORDS.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, words)| *words);
    let mut words: Vec<_> = known.map(str::to_owned).collect();
    let unknown = mask & !((1 << WORDS.len()) - 1);
    if unknown != 0 {
        words.push(format!("unknown reason {unknown:#x}"));
    }
    if words.is_empty() { "no reason given".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_of_the_mask_has_its_words() {
        assert_eq!(reasons(2), "too many error results");
        assert_eq!(reasons(1 | 16), "could not send result, cancelled");
        assert_eq!(reasons(32 | 128), "no canonical result, unknown reason 0x80");
        assert_eq!(reasons(0), "no reason given");
    }

    #[test]
    fn tries_get_rarer_up_to_every_six_hours() {
        let mut state = ItemState::default();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            state.failed("x".into(), 1000.0);
            pauses.push(state.next_attempt - 1000.0);
        }
        assert_eq!(pauses[..3], [15.0, 30.0, 60.0]);
        assert_eq!(pauses[39], 21_600.0);
    }
}

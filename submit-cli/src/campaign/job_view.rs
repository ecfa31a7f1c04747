//! What a campaign file knows of a job, wherever it runs: what `status`, `results.csv`, the report and `--json` show.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cause::CauseKind;
use super::utc;
use super::words::words;

words! {
    /// Where a job is.
    pub enum JobState {
        /// It has not been started or, for a project, not been submitted.
        Waiting = "waiting",
        /// It is on the server, and has not been sent to a host.
        Unsent = "unsent",
        /// It was started, or sent to a host.
        InProgress = "in_progress",
        /// Its outputs are collected; on a project it has a canonical result.
        Done = "done",
        /// Given up.
        Failed = "failed",
        /// An earlier plan had it, the last one did not.
        Dropped = "dropped",
    }
}

impl JobState {
    /// The word for people.
    pub fn text(self) -> &'static str {
        if self == Self::InProgress { "in progress" } else { self.word() }
    }

    /// Nothing will change any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// Values of a job's parameters by name.
pub type Parameters = BTreeMap<String, String>;

/// A job. The columns of `results.csv` have the names and the order of these fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// Its name, and its directory in the results.
    pub job: String,
    /// Where it is.
    pub state: JobState,
    /// 0 for the first, one more for each `buoy retry`.
    pub attempt: u32,
    /// Its workunit's name.
    pub workunit: String,
    /// Number of its results that were started; unknown for a submitted campaign.
    pub results: Option<u32>,
    /// Exit status of its most informative result, as a client reports it.
    pub exit_status: Option<i32>,
    /// What kind of failure it is.
    pub cause_kind: Option<CauseKind>,
    /// Why it failed, one line.
    pub cause: Option<String>,
    /// Run time of the result that counts, seconds.
    pub elapsed_seconds: Option<f64>,
    /// Its processor time, seconds.
    pub cpu_seconds: Option<f64>,
    /// Its largest working set, bytes; unknown for a submitted campaign.
    pub memory_bytes: Option<u64>,
    /// The host it ran on; unknown for a submitted campaign.
    pub host: Option<String>,
    /// When it was first started, seconds since 1970; unknown for a submitted campaign.
    #[serde(serialize_with = "utc::optional")]
    pub started: Option<f64>,
    /// Its outputs are on this host.
    pub fetched: bool,
    /// Its parameters by name, as they are in its source.
    pub parameters: Parameters,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Not started, or not on the server.
    pub waiting: usize,
    /// On the server, not sent to a host.
    pub unsent: usize,
    /// Started, or sent to a host.
    pub in_progress: usize,
    /// Finished with outputs.
    pub done: usize,
    /// Given up.
    pub failed: usize,
    /// No longer part of the campaign.
    pub dropped: usize,
}

impl Counts {
    /// All jobs of the campaign.
    pub fn total(&self) -> usize {
        self.waiting + self.unsent + self.in_progress + self.finished()
    }

    /// Jobs that have finished.
    pub fn finished(&self) -> usize {
        self.done + self.failed
    }

    /// The number of jobs in a state.
    pub fn of(&self, state: JobState) -> usize {
        let mut counts = *self;
        *counts.of_mut(state)
    }

    /// Counts one more job in a state.
    pub(crate) fn add(&mut self, state: JobState) {
        *self.of_mut(state) += 1;
    }

    pub(super) fn of_mut(&mut self, state: JobState) -> &mut usize {
        match state {
            JobState::Waiting => &mut self.waiting,
            JobState::Unsent => &mut self.unsent,
            JobState::InProgress => &mut self.in_progress,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Dropped => &mut self.dropped,
        }
    }
}

/// Failed jobs with the same kind of cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// The kind.
    pub cause_kind: CauseKind,
    /// Exit status of the example.
    pub exit_status: Option<i32>,
    /// Number of jobs.
    pub count: usize,
    /// One of them.
    pub example: String,
    /// Why the example failed.
    pub cause: String,
}

//! What happens in a campaign, as events: whoever shows them decides how.

use std::path::Path;

use serde::Serialize;

use crate::campaign::JobStatus;

/// Something that happened. In JSON, one object with its kind in `event`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The run begins.
    Begun {
        /// Jobs of the plan.
        jobs: usize,
        /// Jobs that an earlier run has finished.
        finished_before: usize,
        /// Results that an earlier run has left in their slots.
        going_on: usize,
        /// Slots.
        slots: u32,
        /// Engine and version.
        engine: &'a str,
        /// Where results go.
        results: &'a Path,
    },
    /// A result is started in a slot, maybe again.
    Started {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// Not for the first time.
        again: bool,
    },
    /// A result is under way; once a second.
    Progress {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// 0 to 1, if the job reports it.
        fraction_done: Option<f64>,
        /// Wall time, seconds.
        elapsed_seconds: f64,
        /// Processor time, seconds.
        cpu_seconds: f64,
    },
    /// The wrapper has left a slot; what became of the result comes next.
    Left {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
    },
    /// A result will be started again.
    Restarting {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// In so many seconds.
        after_seconds: f64,
        /// Why.
        why: &'a str,
    },
    /// A result is over.
    ResultOver {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// How it ended, a word of the campaign file.
        state: &'a str,
        /// Exit status as a client reports it.
        exit_status: Option<i32>,
        /// Why it is an error.
        cause: Option<&'a str>,
        /// Wall time, seconds.
        elapsed_seconds: f64,
        /// Processor time, seconds.
        cpu_seconds: f64,
    },
    /// A job is over: collected, or given up.
    JobOver {
        /// The job.
        job: &'a str,
        /// `done` or `failed`.
        status: &'a str,
        /// Exit status of the result that tells most.
        exit_status: Option<i32>,
        /// Why it failed.
        cause: Option<&'a str>,
        /// The last lines of its stderr.txt, if it failed.
        log_tail: &'a str,
        /// Jobs over so far.
        over: usize,
        /// Jobs in all.
        jobs: usize,
    },
    /// Something to know.
    Note {
        /// One line.
        text: &'a str,
    },
    /// The run ends.
    Ended {
        /// Jobs collected.
        done: usize,
        /// Jobs given up.
        failed: usize,
        /// Jobs that are not over.
        left: usize,
        /// The user stopped it.
        interrupted: bool,
        /// Wall time of this run, seconds.
        elapsed_seconds: f64,
        /// The table of results.
        table: &'a Path,
    },
}

/// Shows events.
pub trait Reporter {
    /// Shows one.
    fn report(&mut self, event: Event<'_>);
}

impl JobStatus {
    /// The job is over for good.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

//! What happens in a campaign while it is run, submitted, watched or fetched, as events: a reporter decides how they are shown.

use std::path::Path;

use serde::Serialize;

use super::cause::CauseKind;
use super::job_view::{Counts, JobState};
use super::utc;

/// Something that happened. In JSON, one object with its name in `event`; docs/json.md describes each.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A command starts its work.
    Started(Started<'a>),
    /// The wrapper of a result was started in a slot.
    ResultStarted {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// Not for the first time.
        again: bool,
    },
    /// The wrapper prepares a result: it fetches or builds an image, or waits for something.
    Preparing {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// A line of its log.
        text: &'a str,
    },
    /// A result is running; once a second.
    Progress {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// 0 to 1, if the job reports it.
        fraction_done: Option<f64>,
        /// Run time, seconds.
        elapsed_seconds: f64,
        /// Processor time, seconds.
        cpu_seconds: f64,
    },
    /// The wrapper of a result has left its slot.
    ResultExited {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
    },
    /// A result will be started again.
    ResultRetrying {
        /// The job.
        job: &'a str,
        /// The result.
        result: &'a str,
        /// The slot.
        slot: u32,
        /// Delay, seconds.
        after_seconds: f64,
        /// Why.
        why: &'a str,
    },
    /// A result has finished.
    ResultFinished {
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
        /// Run time, seconds.
        elapsed_seconds: f64,
        /// Processor time, seconds.
        cpu_seconds: f64,
    },
    /// A job has finished: its outputs are collected, or it is given up.
    JobFinished {
        /// The job.
        job: &'a str,
        /// Done or failed.
        state: JobState,
        /// Exit status of its most informative result.
        exit_status: Option<i32>,
        /// What kind of failure it is.
        cause_kind: Option<CauseKind>,
        /// Why it failed.
        cause: Option<&'a str>,
        /// The last lines of its stderr.txt, if it failed.
        log_tail: &'a str,
        /// Finished jobs so far.
        finished: usize,
        /// All jobs.
        jobs: usize,
    },
    /// A job has failed in validation; the outputs of its results are kept.
    Rejected {
        /// The job.
        job: &'a str,
        /// A directory for each result.
        kept: &'a [&'a str],
        /// How the first two differ and what would make them agree, some lines; empty if there is nothing to say.
        explanation: &'a str,
    },
    /// The server was asked which files it has.
    FilesChecked {
        /// Files that the jobs need.
        files: usize,
        /// Of these, not on the server.
        absent: usize,
        /// Their size, bytes.
        absent_bytes: u64,
    },
    /// Bytes were sent. Reported often and from several threads, and not in JSON.
    Sent {
        /// Since the last report.
        bytes: u64,
    },
    /// Files have arrived on the server.
    Uploaded {
        /// In this request.
        files: usize,
        /// Their size, bytes.
        bytes: u64,
    },
    /// The server accepts less in one request than was tried.
    ServerLimit {
        /// Maximum size of a request from now on, bytes.
        request_bytes: u64,
        /// Maximum number of files in an upload from now on.
        files: usize,
    },
    /// A batch is on the server.
    Batch {
        /// Its name there.
        batch: &'a str,
        /// Its id there.
        id: i64,
        /// Jobs that it had already.
        present: usize,
    },
    /// The server has the jobs of a batch.
    Submitted {
        /// The batch's name there.
        batch: &'a str,
        /// Its jobs.
        jobs: usize,
    },
    /// A request failed for a reason that may pass; it is sent again.
    Retrying {
        /// What is tried again, as a verb and its object.
        doing: &'a str,
        /// What happened.
        why: &'a str,
        /// Delay, seconds.
        after_seconds: f64,
    },
    /// The server has reported changes.
    Polled {
        /// When.
        #[serde(serialize_with = "utc::time")]
        at: f64,
        /// Jobs by state.
        jobs: Counts,
        /// Jobs that have changed since the last answer.
        changed: usize,
        /// Seconds until all have finished, at the current rate.
        seconds_left: Option<f64>,
        /// Delay until the next request, seconds; null if there is none.
        next_seconds: Option<f64>,
    },
    /// More jobs have failed.
    Failed {
        /// What kind of failure it is.
        cause_kind: CauseKind,
        /// Why the example failed.
        cause: &'a str,
        /// Exit status of the example.
        exit_status: Option<i32>,
        /// Jobs since the last answer.
        more: usize,
        /// All jobs of this kind.
        count: usize,
        /// One of them.
        example: &'a str,
    },
    /// A batch cannot be asked about, and is left out.
    BatchUnavailable {
        /// The batch's name on the server.
        batch: &'a str,
        /// What the project says.
        why: &'a str,
    },
    /// Bytes have arrived since a fetch started; five times a second.
    Downloaded {
        /// All of them.
        bytes: u64,
    },
    /// The outputs of a job are on this host.
    Fetched {
        /// The job.
        job: &'a str,
        /// Its outputs.
        files: usize,
        /// Their size, bytes.
        bytes: u64,
        /// Jobs that were dealt with so far.
        finished: usize,
        /// All jobs to fetch.
        jobs: usize,
    },
    /// The server does not have the outputs of a job.
    Missing {
        /// The job.
        job: &'a str,
        /// What is missing.
        cause: &'a str,
        /// What to do about it; for the first job with this cause only.
        help: Option<&'a str>,
        /// Jobs that were dealt with so far.
        finished: usize,
        /// All jobs to fetch.
        jobs: usize,
    },
    /// The outputs of a job could not be fetched this time.
    Remaining {
        /// The job.
        job: &'a str,
        /// Why.
        cause: &'a str,
        /// Jobs that were dealt with so far.
        finished: usize,
        /// All jobs to fetch.
        jobs: usize,
    },
    /// Something to know.
    Note {
        /// One line.
        text: &'a str,
    },
    /// A command has finished its work.
    Finished(Finished<'a>),
}

/// What a command starts with.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Started<'a> {
    /// `buoy run`.
    Run {
        /// Jobs of the plan.
        jobs: usize,
        /// Jobs that an earlier run has finished.
        finished_before: usize,
        /// Results of an earlier run that are resumed in their slots.
        resumed: usize,
        /// Slots.
        slots: u32,
        /// Engine and version.
        engine: &'a str,
        /// The directory of results.
        results: &'a Path,
    },
    /// `buoy watch`; the figures are those of the campaign file.
    Watch {
        /// The science app.
        app: &'a str,
        /// The batch's name, as in names of workunits.
        batch: &'a str,
        /// The project.
        project: &'a str,
        /// Jobs by state.
        jobs: Counts,
    },
    /// `buoy fetch`.
    Fetch {
        /// Jobs to fetch.
        jobs: usize,
        /// Jobs that were fetched before.
        fetched_before: usize,
        /// Jobs that have not finished.
        unfinished: usize,
        /// Where outputs go.
        to: &'a Path,
    },
}

/// What a command ends with.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Finished<'a> {
    /// `buoy run`.
    Run {
        /// Jobs by state.
        jobs: Counts,
        /// The user stopped it.
        interrupted: bool,
        /// Run time of the command, seconds.
        elapsed_seconds: f64,
        /// The table of results.
        table: &'a Path,
    },
    /// `buoy submit`: all is on the server, as far as possible.
    Submit {
        /// Jobs of the campaign.
        jobs: usize,
        /// Of these, not on the server.
        waiting: usize,
    },
    /// `buoy watch`.
    Watch {
        /// Jobs by state.
        jobs: Counts,
        /// The user stopped it.
        interrupted: bool,
    },
    /// `buoy fetch`.
    Fetch {
        /// Jobs whose outputs were fetched.
        fetched: usize,
        /// Jobs whose outputs are not on the server.
        missing: usize,
        /// Finished jobs that are still to be fetched.
        remaining: usize,
        /// Bytes that arrived.
        bytes: u64,
        /// The user stopped it.
        interrupted: bool,
        /// Run time of the command, seconds.
        elapsed_seconds: f64,
        /// The table of results.
        table: &'a Path,
    },
}

/// Shows events; called from several threads.
pub trait Reporter: Sync {
    /// Shows one.
    fn report(&self, event: Event<'_>);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event<'_>) {}
}

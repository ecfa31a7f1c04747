//! What happens while outputs are fetched, as events: whoever shows them decides how.

use std::path::Path;

use serde::Serialize;

/// Something that happened. In JSON, one object with its kind in `event`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The server told what is done; downloads begin.
    Begun {
        /// Jobs to fetch.
        jobs: usize,
        /// Jobs that are here already.
        fetched_before: usize,
        /// Jobs that are not done.
        unfinished: usize,
        /// Where outputs go.
        to: &'a Path,
    },
    /// Bytes that came so far; some times a second.
    Progress {
        /// Bytes.
        bytes: u64,
    },
    /// A job's outputs are in place.
    Fetched {
        /// The job.
        job: &'a str,
        /// Files.
        files: usize,
        /// Their bytes.
        bytes: u64,
        /// Jobs over so far.
        over: usize,
        /// Jobs in all.
        jobs: usize,
    },
    /// A job's outputs are not on the server.
    Gone {
        /// The job.
        job: &'a str,
        /// Why, the same for all that are gone alike.
        cause: &'a str,
        /// What to do about it; only with the first of a cause.
        help: Option<&'a str>,
        /// Jobs over so far.
        over: usize,
        /// Jobs in all.
        jobs: usize,
    },
    /// A job could not be fetched this time.
    Left {
        /// The job.
        job: &'a str,
        /// Why.
        cause: &'a str,
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
    /// Fetching ends.
    Ended {
        /// Jobs fetched.
        fetched: usize,
        /// Jobs whose outputs the server does not have.
        gone: usize,
        /// Finished jobs that are still to be fetched.
        left: usize,
        /// Bytes that came.
        bytes: u64,
        /// The user stopped it.
        interrupted: bool,
        /// Wall time, seconds.
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

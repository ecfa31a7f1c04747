//! What happens while a campaign is sent, as events: whoever shows them decides how.

use serde::Serialize;

/// Something that happened. In JSON, one object with its kind in `event`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SubmitEvent<'a> {
    /// The server was asked which files it has.
    FilesAsked {
        /// Files that the jobs need.
        files: usize,
        /// Of these, not on the server.
        absent: usize,
        /// Their bytes.
        absent_bytes: u64,
    },
    /// Bytes went out; reported often, and from several threads.
    Sent {
        /// Since the last report.
        bytes: u64,
    },
    /// Files arrived.
    Uploaded {
        /// In this request.
        files: usize,
        /// Their content.
        bytes: u64,
    },
    /// The server takes less in one request than was tried.
    Learned {
        /// Bytes in a request from now on.
        request_bytes: u64,
        /// Files in an upload from now on.
        files: usize,
    },
    /// A batch is on the server.
    Batch {
        /// Its name there.
        name: &'a str,
        /// Its id there.
        id: i64,
        /// Jobs that were in it already.
        present: usize,
    },
    /// The server can't tie files to batches.
    Untied {
        /// What it says.
        why: &'a str,
    },
    /// A batch has its jobs.
    Submitted {
        /// Its name there.
        name: &'a str,
        /// Jobs in it.
        jobs: usize,
    },
    /// Something failed that may pass.
    Waiting {
        /// So long.
        seconds: f64,
        /// What is tried again.
        doing: &'a str,
        /// What happened.
        why: &'a str,
    },
    /// All is on the server, as far as it goes.
    Ended {
        /// Jobs of the campaign.
        jobs: usize,
        /// Of these, not on the server.
        waiting: usize,
    },
}

/// Shows events; called from several threads.
pub trait SubmitReporter: Sync {
    /// Shows one.
    fn report(&self, event: SubmitEvent<'_>);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl SubmitReporter for Silent {
    fn report(&self, _: SubmitEvent<'_>) {}
}

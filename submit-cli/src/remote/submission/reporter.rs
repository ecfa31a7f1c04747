//! The events of a submission; the reporter decides how they are shown.

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
    /// The server rejected a request as too large; the new limits.
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
    /// The server keeps no list of the files of a batch.
    Unassociated {
        /// Its error message.
        why: &'a str,
    },
    /// A batch has its jobs.
    Submitted {
        /// Its name there.
        name: &'a str,
        /// Jobs in it.
        jobs: usize,
    },
    /// A request failed, and is retried after a wait.
    Waiting {
        /// The wait.
        seconds: f64,
        /// The action that is retried.
        doing: &'a str,
        /// The error.
        why: &'a str,
    },
    /// The submission has finished.
    Finished {
        /// Jobs of the campaign.
        jobs: usize,
        /// Of these, not on the server.
        waiting: usize,
    },
}

/// Reports events; called from several threads.
pub trait SubmitReporter: Sync {
    /// Reports one event.
    fn report(&self, event: SubmitEvent<'_>);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl SubmitReporter for Silent {
    fn report(&self, _: SubmitEvent<'_>) {}
}

//! What was done to a submitted campaign.

use std::io::{self, Write};

use serde::Serialize;

use super::terminal;
use super::words::{count, jobs};
use crate::remote::follow::abort::Aborted;
use crate::remote::follow::retry::{Changes, Retried};

/// Prints what was aborted.
///
/// # Errors
/// stdout is closed.
pub fn aborted(aborted: &Aborted, json: bool) -> io::Result<()> {
    if json {
        return terminal::json(aborted);
    }
    let mut text = format!("aborted {} on the project", jobs(aborted.jobs));
    if aborted.batches > 0 {
        text.push_str(&format!(", in {}", count(aborted.batches, "batch", "batches")));
    }
    if aborted.given_up > 0 {
        text.push_str(&format!("; {} had not been submitted and will not be", jobs(aborted.given_up)));
    }
    if aborted.finished > 0 {
        text.push_str(&format!("; {} had already finished", jobs(aborted.finished)));
    }
    writeln!(terminal::out(), "{text}")
}

/// Prints what was retired, and what that means.
///
/// # Errors
/// stdout is closed.
pub fn retired(batches: usize, json: bool) -> io::Result<()> {
    if json {
        return terminal::json(&Retired { batches });
    }
    writeln!(
        terminal::out(),
        "retired {}: the project's administrator can remove their inputs and outputs now",
        count(batches, "batch", "batches")
    )
}

/// Prints what is tried again.
///
/// # Errors
/// stdout is closed.
pub fn retried(retried: &Retried, changes: &Changes, json: bool) -> io::Result<()> {
    let changed = changes.words();
    if json {
        return terminal::json(&Again { event: "retried", jobs: &retried.jobs, changed });
    }
    let with = if changed.is_empty() { String::new() } else { format!(" with {changed}") };
    let text = match retried.jobs.len() {
        0 => "resuming the last retry".to_owned(),
        count => format!("retrying {}{with}", jobs(count)),
    };
    writeln!(terminal::out(), "{}", &text)
}

/// What was retired, for programs.
#[derive(Serialize)]
pub(super) struct Retired {
    pub(super) batches: usize,
}

/// What is tried again, as an event for programs.
#[derive(Serialize)]
pub(super) struct Again<'a> {
    pub(super) event: &'static str,
    pub(super) jobs: &'a [String],
    pub(super) changed: String,
}

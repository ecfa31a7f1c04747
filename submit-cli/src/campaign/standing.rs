//! Where a campaign stands, from its file alone: `buoy status`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::campaign::workunit::ResultState;
use crate::campaign::{JobRecord, JobStatus};

/// A campaign in figures.
#[derive(Debug, Serialize)]
pub struct Standing<'a> {
    /// The science app.
    pub app: String,
    /// The batch.
    pub batch: String,
    /// A `buoy run` is working on it.
    pub active: bool,
    /// Jobs by status.
    pub jobs: BTreeMap<&'static str, usize>,
    /// Jobs under way.
    pub running: Vec<Running<'a>>,
    /// Failed jobs by cause, most frequent first.
    pub failures: Vec<Failures<'a>>,
    /// Each job, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<JobLine<'a>>>,
}

/// A job in a line.
#[derive(Debug, PartialEq, Serialize)]
pub struct JobLine<'a> {
    /// The job.
    pub job: &'a str,
    /// Where it is.
    pub state: &'static str,
    /// Exit status of the result that tells most.
    pub exit_status: Option<i32>,
    /// Why it failed.
    pub cause: Option<&'a str>,
}

/// A line for each job.
pub fn list(jobs: &[JobRecord]) -> Vec<JobLine<'_>> {
    jobs.iter()
        .map(|job| JobLine {
            job: &job.name,
            state: job.status().word(),
            exit_status: job.telling().and_then(|result| result.exit_status),
            cause: job.cause.as_deref(),
        })
        .collect()
}

/// A result under way.
#[derive(Debug, Serialize)]
pub struct Running<'a> {
    /// The job.
    pub job: &'a str,
    /// The result's number.
    pub n: u32,
    /// Its slot.
    pub slot: Option<u32>,
}

/// Jobs that failed for the same cause.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Failures<'a> {
    /// The cause.
    pub cause: &'a str,
    /// Exit status of the first.
    pub exit_status: Option<i32>,
    /// How many.
    pub count: usize,
    /// One of them.
    pub example: &'a str,
}

/// Counts jobs, lists what is under way and groups failures.
pub fn standing<'a>(app: String, batch: String, active: bool, jobs: &'a [JobRecord]) -> Standing<'a> {
    let mut counts = BTreeMap::new();
    let mut running = Vec::new();
    let mut failures: BTreeMap<&str, Failures<'a>> = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.status().word()).or_default() += 1;
        for result in job.results.iter().filter(|result| result.state == ResultState::InProgress) {
            running.push(Running { job: &job.name, n: result.n, slot: result.slot });
        }
        if job.status() == JobStatus::Failed {
            let cause = job.cause.as_deref().unwrap_or("unknown");
            let exit_status = job.telling().and_then(|result| result.exit_status);
            failures
                .entry(cause)
                .or_insert(Failures { cause, exit_status, count: 0, example: &job.name })
                .count += 1;
        }
    }
    let mut failures: Vec<_> = failures.into_values().collect();
    failures.sort_by_key(|group| std::cmp::Reverse(group.count));
    Standing { app, batch, active, jobs: counts, running, failures, list: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::ResultRecord;
    use crate::campaign::workunit::{ErrorMask, Outcome};

    fn failed(name: &str, cause: &str) -> JobRecord {
        JobRecord {
            id: 1,
            name: name.to_owned(),
            wu_name: String::new(),
            fingerprint: String::new(),
            in_plan: true,
            first_n: 0,
            target_nresults: 1,
            errors: ErrorMask::TOO_MANY_ERRORS,
            canonical: None,
            assimilated: true,
            cause: Some(cause.to_owned()),
            results: vec![ResultRecord {
                state: ResultState::Over(Outcome::ClientError),
                exit_status: Some(3),
                cause: Some(cause.to_owned()),
                ..ResultRecord::unsent(0)
            }],
        }
    }

    #[test]
    fn failures_are_grouped_by_cause_with_an_example() {
        let mut waiting = failed("w", "");
        waiting.assimilated = false;
        waiting.results = Vec::new();
        let jobs = [failed("a", "no memory"), failed("b", "code 3"), failed("c", "code 3"), waiting];
        let standing = standing("app".to_owned(), "batch".to_owned(), false, &jobs);
        assert_eq!(standing.jobs, BTreeMap::from([("failed", 3), ("waiting", 1)]));
        assert_eq!(
            standing.failures,
            [
                Failures { cause: "code 3", exit_status: Some(3), count: 2, example: "b" },
                Failures { cause: "no memory", exit_status: Some(3), count: 1, example: "a" },
            ]
        );
    }
}

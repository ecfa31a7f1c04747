//! Polls until all jobs are over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::poll::{Eagerness, Polled, is_over, poll};
use super::poll_interval::PollInterval;
use super::time_left::time_left;
use super::{FollowError, facts};
use crate::campaign::Campaign;
use crate::campaign::sent::{Counts, FailureGroup};
use crate::clock::Clock;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;

/// Something that happened. In JSON, one object with its kind in `event`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WatchEvent<'a> {
    /// The watch begins; figures are those of the campaign file.
    Begun {
        /// The science app.
        app: &'a str,
        /// The batch's name, as in names of workunits.
        batch: &'a str,
        /// The project.
        project: &'a str,
        /// Jobs by state.
        jobs: Counts,
    },
    /// The server has answered.
    Polled {
        /// Seconds since 1970.
        at: f64,
        /// Jobs by state.
        jobs: Counts,
        /// How many changed since the last answer.
        changed: usize,
        /// Seconds until all are over, at the pace of late.
        seconds_left: Option<f64>,
        /// The next question comes in so many seconds; null if there is none.
        next_seconds: Option<f64>,
    },
    /// More jobs have failed.
    Failed {
        /// Why.
        cause: &'a str,
        /// Exit status of the example.
        exit_status: Option<i32>,
        /// How many since the last answer.
        more: usize,
        /// How many in all.
        count: usize,
        /// One of them.
        example: &'a str,
    },
    /// The server could not be asked; it will be asked again.
    Trouble {
        /// Why not.
        what: &'a str,
        /// In so many seconds.
        next_seconds: f64,
    },
    /// A batch can't be followed, the others are.
    Problem {
        /// Its name.
        batch: &'a str,
        /// Why not.
        what: &'a str,
    },
    /// The watch ends.
    Ended {
        /// Jobs by state.
        jobs: Counts,
        /// All that the server has is over; else the submitter stopped the watch.
        over: bool,
    },
}

/// Shows events.
pub trait WatchReporter {
    /// Shows one.
    fn report(&mut self, event: WatchEvent<'_>);
}

/// How a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// All that the server has is over. Jobs that were never sent are waiting.
    Over(Counts),
    /// The submitter stopped watching; the campaign goes on.
    Interrupted(Counts),
}

/// Watches a campaign until all that the server has of it is over, or until the user wants to stop. Nothing is lost when the
/// process is killed meanwhile.
///
/// # Errors
/// The project refuses us for a reason that no waiting mends; the campaign file can't be written.
pub fn watch(
    campaign: &mut Campaign,
    client: &ProjectClient,
    clock: &dyn Clock,
    reporter: &mut dyn WatchReporter,
) -> Result<Watched, FollowError> {
    let facts = facts(campaign, "buoy run shows how it goes")?;
    let begun = WatchEvent::Begun {
        app: &facts.app,
        batch: &facts.batch,
        project: &facts.project,
        jobs: campaign.counts()?,
    };
    reporter.report(begun);
    let mut interval = PollInterval::default();
    let mut failures = by_cause(campaign.failures()?);
    let mut said = BTreeMap::new();
    loop {
        let wait = match poll(campaign, client, clock.now(), Eagerness::Sparing) {
            Ok(polled) => {
                tell_failures(campaign, &mut failures, reporter)?;
                tell_problems(&polled, &mut said, reporter);
                // Problems don't go away by asking: what can be followed is over.
                let over = polled.over || only_problems_left(campaign, &polled)?;
                let wait = (!over).then(|| interval.after(polled.changed));
                tell_poll(campaign, clock.now(), polled.changed, wait, reporter)?;
                wait
            }
            Err(FollowError::Project(error)) if may_pass(&error) => {
                let wait = interval.after_failure(error.retry_after(), fastrand::f64());
                let what = error.to_string();
                reporter.report(WatchEvent::Trouble { what: &what, next_seconds: wait.as_secs_f64() });
                Some(wait)
            }
            Err(error) => return Err(error),
        };
        let is_stopped = match wait {
            None => false,
            Some(wait) if clock.pause(wait) => continue,
            Some(_) => true,
        };
        let jobs = campaign.counts()?;
        reporter.report(WatchEvent::Ended { jobs, over: !is_stopped });
        return Ok(if is_stopped { Watched::Interrupted(jobs) } else { Watched::Over(jobs) });
    }
}

/// Whether the server may answer in a while. Questions change nothing, so that a server's code that broke off, or a page of
/// somebody in between, is waited for too.
fn may_pass(error: &ProjectError) -> bool {
    error.try_again()
        || matches!(
            error,
            ProjectError::FatalError { .. }
                | ProjectError::UnparsableReply { .. }
                | ProjectError::NotBoinc { .. }
        )
}

fn by_cause(groups: Vec<FailureGroup>) -> BTreeMap<String, usize> {
    groups.into_iter().map(|group| (group.cause, group.count)).collect()
}

fn tell_failures(
    campaign: &Campaign,
    known: &mut BTreeMap<String, usize>,
    reporter: &mut dyn WatchReporter,
) -> Result<(), FollowError> {
    let groups = campaign.failures()?;
    for group in &groups {
        let more = group.count.saturating_sub(known.get(&group.cause).copied().unwrap_or(0));
        // Why is asked for a little later; then it is told.
        if more > 0 && group.cause != UNKNOWN {
            reporter.report(WatchEvent::Failed {
                cause: &group.cause,
                exit_status: group.exit_status,
                more,
                count: group.count,
                example: &group.example,
            });
        }
    }
    *known = by_cause(groups);
    Ok(())
}

/// The cause that the campaign file gives to what nobody has asked about.
const UNKNOWN: &str = "unknown";

fn tell_problems(polled: &Polled, said: &mut BTreeMap<String, String>, reporter: &mut dyn WatchReporter) {
    for problem in &polled.problems {
        let what = problem.error.to_string();
        if said.get(&problem.batch) != Some(&what) {
            reporter.report(WatchEvent::Problem { batch: &problem.batch, what: &what });
            said.insert(problem.batch.clone(), what);
        }
    }
}

/// Whether each batch that is not over is one that can't be asked about.
fn only_problems_left(campaign: &Campaign, polled: &Polled) -> Result<bool, FollowError> {
    if polled.problems.is_empty() {
        return Ok(false);
    }
    let names: Vec<&str> = polled.problems.iter().map(|problem| problem.batch.as_str()).collect();
    Ok(is_over(campaign, &names)?)
}

fn tell_poll(
    campaign: &Campaign,
    now: f64,
    changed: usize,
    wait: Option<Duration>,
    reporter: &mut dyn WatchReporter,
) -> Result<(), FollowError> {
    reporter.report(WatchEvent::Polled {
        at: now,
        jobs: campaign.counts()?,
        changed,
        seconds_left: time_left(campaign, now)?,
        next_seconds: wait.map(|wait| wait.as_secs_f64()),
    });
    Ok(())
}

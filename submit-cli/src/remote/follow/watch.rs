//! Polls until all jobs are over.

use std::collections::BTreeMap;
use std::time::Duration;

use super::poll::{Eagerness, Polled, is_over, poll};
use super::poll_interval::PollInterval;
use super::{FollowError, submitted};
use crate::campaign::Campaign;
use crate::campaign::cause::CauseKind;
use crate::campaign::event::{Event, Finished, Reporter, Started};
use crate::campaign::job_view::{Counts, FailureGroup};
use crate::campaign::time_left::time_left;
use crate::clock::Clock;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;

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
    reporter: &dyn Reporter,
) -> Result<Watched, FollowError> {
    let meta = submitted(campaign, "buoy run shows how it goes")?;
    reporter.report(Event::Started(Started::Watch {
        app: &meta.app,
        batch: &meta.batch,
        project: &meta.project().name,
        jobs: campaign.counts()?,
    }));
    let mut interval = PollInterval::default();
    let mut failures = counts_by_kind(&campaign.failures()?);
    let mut reported = BTreeMap::new();
    loop {
        let wait = match poll(campaign, client, clock.now(), Eagerness::Sparing) {
            Ok(polled) => {
                report_failures(campaign, &mut failures, reporter)?;
                report_problems(&polled, &mut reported, reporter);
                // Problems don't go away by asking: what can be followed is over.
                let over = polled.over || only_problems_left(campaign, &polled)?;
                let wait = (!over).then(|| interval.after(polled.changed));
                report_poll(campaign, clock.now(), polled.changed, wait, reporter)?;
                wait
            }
            Err(FollowError::Project(error)) if may_pass(&error) => {
                let wait = interval.after_failure(error.retry_after(), fastrand::f64());
                reporter.report(Event::Retrying {
                    doing: "query the project",
                    why: &error.to_string(),
                    after_seconds: wait.as_secs_f64(),
                });
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
        reporter.report(Event::Finished(Finished::Watch { jobs, interrupted: is_stopped }));
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

/// Failed jobs by what they are counted by.
type CountsByKind = BTreeMap<(CauseKind, Option<i32>), usize>;

fn counts_by_kind(groups: &[FailureGroup]) -> CountsByKind {
    groups.iter().map(|group| ((group.cause_kind, group.exit_status), group.count)).collect()
}

fn report_failures(
    campaign: &Campaign,
    known: &mut CountsByKind,
    reporter: &dyn Reporter,
) -> Result<(), FollowError> {
    let groups = campaign.failures()?;
    for group in &groups {
        let before = known.get(&(group.cause_kind, group.exit_status)).copied().unwrap_or(0);
        let more = group.count.saturating_sub(before);
        // The cause is asked for a little later; then it is reported.
        if more > 0 && group.cause_kind != CauseKind::Unknown {
            reporter.report(Event::Failed {
                cause_kind: group.cause_kind,
                cause: &group.cause,
                exit_status: group.exit_status,
                more,
                count: group.count,
                example: &group.example,
            });
        }
    }
    *known = counts_by_kind(&groups);
    Ok(())
}

fn report_problems(polled: &Polled, reported: &mut BTreeMap<String, String>, reporter: &dyn Reporter) {
    for problem in &polled.problems {
        let what = problem.error.to_string();
        if reported.get(&problem.batch) != Some(&what) {
            reporter.report(Event::BatchUnavailable { batch: &problem.batch, why: &what });
            reported.insert(problem.batch.clone(), what);
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

fn report_poll(
    campaign: &Campaign,
    now: f64,
    changed: usize,
    wait: Option<Duration>,
    reporter: &dyn Reporter,
) -> Result<(), FollowError> {
    reporter.report(Event::Polled {
        at: now,
        jobs: campaign.counts()?,
        changed,
        seconds_left: time_left(campaign, now)?,
        next_seconds: wait.map(|wait| wait.as_secs_f64()),
    });
    Ok(())
}

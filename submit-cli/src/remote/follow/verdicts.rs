//! What the server tells of jobs that are over: which result counts, why one failed (`query_batch` with details).
//!
//! The reply holds all jobs of the batch, and the server looks up the results of each one for it, so it is asked for
//! sparingly.

use super::bounds::Bounds;
use super::cause::{Job, cause};
use crate::campaign::sent::{BatchRow, Change, Facts, RoundRow, Stage, Verdict, WorkunitState};
use crate::campaign::{Campaign, CampaignError};
use crate::project::protocol::batch::{BatchJob, BatchReply, BatchState, JobStatus};

/// Details of a batch are asked for at most so often, seconds: the more jobs, the less often.
const SECONDS_PER_JOB: f64 = 0.03;
const SHORTEST: f64 = 60.0;
const LONGEST: f64 = 3_600.0;

/// Seconds between two questions for the details of a batch with so many jobs.
pub fn interval_seconds(jobs: usize) -> f64 {
    (jobs as f64 * SECONDS_PER_JOB).clamp(SHORTEST, LONGEST)
}

/// What the jobs of a round may use: its template says, else the facts.
pub fn bounds(facts: &Facts, rounds: &[RoundRow], round: i64) -> Bounds {
    let otherwise = Bounds {
        memory_bytes: facts.memory_bytes,
        disk_bytes: facts.disk_bytes,
        deadline_seconds: facts.deadline_seconds,
    };
    let template = rounds.iter().find(|row| row.id == round).map(|row| row.round.input_template.as_str());
    Bounds::of(template.unwrap_or_default(), otherwise)
}

/// Folds a batch with details into the campaign file; how many workunits changed their state.
///
/// # Errors
/// The campaign file can't be written.
pub fn fold(
    campaign: &mut Campaign,
    batch: &BatchRow,
    reply: &BatchReply,
    job: &Job<'_>,
    now: f64,
) -> Result<usize, CampaignError> {
    let unsettled = campaign.unsettled(batch.id)?;
    let mut changes = Vec::new();
    let mut verdicts = Vec::new();
    for (told, before) in reply.jobs.iter().filter_map(|told| Some((told, *unsettled.get(&told.name)?))) {
        let Some(state) = state(told, before) else { continue };
        if state != before {
            changes.push(Change { name: told.name.clone(), state });
        }
        if state.is_over() {
            verdicts.push(verdict(told, state, job));
        }
    }
    // A verdict is noted first: a process killed in between asks again for what has no state yet.
    campaign.note_verdicts(&verdicts)?;
    let changed = campaign.note_changes(&changes, now)?;
    match reply.state {
        BatchState::Aborted => campaign.note_stage(batch.id, Stage::Aborted)?,
        BatchState::Retired => campaign.note_stage(batch.id, Stage::Retired)?,
        BatchState::Init | BatchState::InProgress | BatchState::Complete => {}
    }
    Ok(changed)
}

/// The state of a job by the server's details. A canonical result counts whatever else is said: a job that was done
/// before its batch was aborted is told as an error (`show_job_details`).
fn state(told: &BatchJob, before: WorkunitState) -> Option<WorkunitState> {
    if told.canonical_instance.is_some() {
        return Some(WorkunitState::Done);
    }
    Some(match told.details.as_ref()?.status {
        JobStatus::Done => WorkunitState::Done,
        JobStatus::Error => WorkunitState::Failed,
        JobStatus::InProgress => WorkunitState::InProgress,
        // It may have been sent before, and wait for another try.
        JobStatus::Queued if before == WorkunitState::InProgress => before,
        JobStatus::Queued => WorkunitState::Unsent,
    })
}

fn verdict(told: &BatchJob, state: WorkunitState, job: &Job<'_>) -> Verdict {
    let details = told.details.as_ref();
    let why = details
        .filter(|_| state == WorkunitState::Failed)
        .map(|details| cause(&details.exit_statuses, &details.errors, job));
    Verdict {
        name: told.name.clone(),
        server_id: i64::try_from(told.id.0).ok(),
        canonical: told.canonical_instance.and_then(|id| i64::try_from(id.0).ok()),
        exit_status: why.as_ref().and_then(|why| why.exit_status),
        cause: why.map(|why| why.text),
        cpu_seconds: details.and_then(|details| details.cpu_seconds),
        elapsed_seconds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::sent::{FileNames, NewWorkunit, Round};
    use crate::project::protocol::batch::JobDetails;
    use crate::project::protocol::id::{BatchId, ResultId, WorkunitId};

    const JOB: Job<'static> =
        Job { program: "vina", bounds: Bounds { memory_bytes: 1, disk_bytes: 1, deadline_seconds: 1 } };

    fn told(name: &str, canonical: Option<u64>, status: JobStatus, errors: &[&str]) -> BatchJob {
        BatchJob {
            id: WorkunitId(name.len() as u64),
            name: name.to_owned(),
            canonical_instance: canonical.map(ResultId),
            details: Some(JobDetails {
                status,
                exit_statuses: if errors.is_empty() { Vec::new() } else { vec![139] },
                cpu_seconds: canonical.map(|_| 2.5),
                errors: errors.iter().map(|word| (*word).to_owned()).collect(),
            }),
        }
    }

    fn reply(jobs: Vec<BatchJob>) -> BatchReply {
        BatchReply {
            id: BatchId(1),
            name: "batch".to_owned(),
            app_name: "universal".to_owned(),
            state: BatchState::InProgress,
            job_count: jobs.len() as u64,
            failed_count: 0,
            fraction_done: 0.0,
            create_time: 0.0,
            completion_time: None,
            jobs,
        }
    }

    fn campaign(dir: &tempfile::TempDir) -> (Campaign, BatchRow) {
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        let round = Round::of_no_files();
        let workunits: Vec<_> = ["a", "b", "c", "d"]
            .map(|job| NewWorkunit {
                job: job.to_owned(),
                name: job.to_owned(),
                command_line: String::new(),
                inputs: FileNames::default(),
            })
            .into();
        let round = campaign.add_round(&round, &workunits).unwrap();
        let batch = campaign.add_batch(round, 1, "batch").unwrap();
        let present = ["a", "b", "c", "d"].map(|name| (name, None));
        campaign.note_present(batch.id, &present).unwrap();
        (campaign, batch)
    }

    #[test]
    fn details_give_states_causes_and_the_results_that_count() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        let reply = reply(vec![
            told("a", Some(9), JobStatus::Done, &[]),
            told("b", None, JobStatus::Error, &["too_many_error_results"]),
            told("c", None, JobStatus::InProgress, &[]),
            told("d", None, JobStatus::Queued, &[]),
            told("foreign", Some(4), JobStatus::Done, &[]),
        ]);
        assert_eq!(fold(&mut campaign, &batch, &reply, &JOB, 1.0).unwrap(), 3);
        assert_eq!(fold(&mut campaign, &batch, &reply, &JOB, 2.0).unwrap(), 0, "told twice");
        let rows = campaign.current().unwrap();
        let states: Vec<_> = rows.iter().map(|row| row.state.word()).collect();
        assert_eq!(states, ["done", "failed", "in_progress", "unsent"]);
        assert_eq!(
            (rows[0].canonical, rows[0].server_id, rows[0].cpu_seconds),
            (Some(9), Some(1), Some(2.5))
        );
        assert_eq!(rows[1].cause.as_deref(), Some("exit 139 (segmentation fault) in vina"));
        assert_eq!(rows[1].exit_status, Some(139));
    }

    #[test]
    fn a_job_that_waits_for_another_try_stays_in_progress() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        let sent = reply(vec![told("a", None, JobStatus::InProgress, &[])]);
        fold(&mut campaign, &batch, &sent, &JOB, 1.0).unwrap();
        let again = reply(vec![told("a", None, JobStatus::Queued, &[])]);
        assert_eq!(fold(&mut campaign, &batch, &again, &JOB, 2.0).unwrap(), 0);
    }

    #[test]
    fn a_job_that_was_done_before_its_batch_was_aborted_stays_done() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        let mut aborted = reply(vec![
            told("a", Some(9), JobStatus::Error, &["cancelled"]),
            told("b", None, JobStatus::Error, &["cancelled"]),
        ]);
        aborted.state = BatchState::Aborted;
        fold(&mut campaign, &batch, &aborted, &JOB, 1.0).unwrap();
        let rows = campaign.current().unwrap();
        assert_eq!((rows[0].state, rows[0].cause.as_deref()), (WorkunitState::Done, None));
        assert_eq!((rows[1].state, rows[1].cause.as_deref()), (WorkunitState::Failed, Some("aborted")));
    }

    #[test]
    fn larger_batches_are_asked_less_often() {
        let minutes = |jobs| interval_seconds(jobs) / 60.0;
        assert_eq!([10, 10_000, 100_000, 1_000_000].map(minutes), [1.0, 5.0, 50.0, 60.0]);
    }
}

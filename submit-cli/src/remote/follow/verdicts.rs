//! What the server tells of jobs that are over: which result counts, why one failed (`query_batch` with details).
//!
//! The reply holds all jobs of the batch, and the server looks up the results of each one for it, so it is asked for
//! sparingly.

use crate::campaign::bounds::Bounds;
use crate::campaign::cause::{Cause, Subject};
use crate::campaign::job_view::JobState;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::{BatchRow, Change, RoundRow, Stage, Verdict};
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

/// What the jobs of a round may use: its template says, else the campaign.
pub fn bounds(meta: &CampaignMeta, rounds: &[RoundRow], round: i64) -> Bounds {
    let template = rounds.iter().find(|row| row.id == round).map(|row| row.round.input_template.as_str());
    Bounds::of(template.unwrap_or_default(), meta.bounds)
}

/// Folds a batch with details into the campaign file; how many workunits changed their state.
///
/// # Errors
/// The campaign file can't be written.
pub fn fold(
    campaign: &mut Campaign,
    batch: &BatchRow,
    reply: &BatchReply,
    subject: &Subject<'_>,
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
        if state.is_finished() {
            verdicts.push(verdict(told, state, subject));
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
fn state(told: &BatchJob, before: JobState) -> Option<JobState> {
    if told.canonical_instance.is_some() {
        return Some(JobState::Done);
    }
    Some(match told.details.as_ref()?.status {
        JobStatus::Done => JobState::Done,
        JobStatus::Error => JobState::Failed,
        JobStatus::InProgress => JobState::InProgress,
        // It may have been sent before, and wait for another try.
        JobStatus::Queued if before == JobState::InProgress => before,
        JobStatus::Queued => JobState::Unsent,
    })
}

fn verdict(told: &BatchJob, state: JobState, subject: &Subject<'_>) -> Verdict {
    let details = told.details.as_ref();
    let why = details
        .filter(|_| state == JobState::Failed)
        .map(|details| Cause::of(&details.exit_statuses, &details.errors, subject));
    Verdict {
        name: told.name.clone(),
        server_id: i64::try_from(told.id.0).ok(),
        canonical: told.canonical_instance.and_then(|id| i64::try_from(id.0).ok()),
        exit_status: None,
        cause: why,
        cpu_seconds: details.and_then(|details| details.cpu_seconds),
        elapsed_seconds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::submitted::{FileNames, NewWorkunit, Round};
    use crate::project::protocol::batch::JobDetails;
    use crate::project::protocol::id::{BatchId, ResultId, WorkunitId};

    const JOB: Subject<'static> =
        Subject { program: "vina", bounds: Bounds { memory_bytes: 1, disk_bytes: 1, deadline_seconds: 1 } };

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
                parameters: [].into(),
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
        assert_eq!((rows[0].state, rows[0].cause.as_deref()), (JobState::Done, None));
        assert_eq!((rows[1].state, rows[1].cause.as_deref()), (JobState::Failed, Some("aborted")));
    }

    #[test]
    fn larger_batches_are_asked_less_often() {
        let minutes = |jobs| interval_seconds(jobs) / 60.0;
        assert_eq!([10, 10_000, 100_000, 1_000_000].map(minutes), [1.0, 5.0, 50.0, 60.0]);
    }
}

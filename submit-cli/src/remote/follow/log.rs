//! What a job wrote to stderr, as far as the project shows it.
//!
//! A finished job's is in an RPC. For a failed one that RPC breaks off, and no other has it: it is on the result's public
//! page only.

use super::{FollowError, key, submitted};
use crate::campaign::Campaign;
use crate::campaign::job_view::JobState;
use crate::campaign::submitted::WorkunitRow;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::batch::Details;
use crate::project::protocol::id::WorkunitId;
use crate::project::protocol::instance::Instance;

/// So many pages are looked at for one that tells, the last instance's first.
const PAGES: usize = 8;

/// Which log of a job.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Which {
    /// The attempt, from 0; the last one if not said.
    pub attempt: Option<u32>,
    /// The instance, by the number at the end of its name; the one that tells most if not said.
    pub instance: Option<u32>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Log {
    /// The job.
    pub job: String,
    /// The workunit.
    pub workunit: String,
    /// The instance, by name, if that is known.
    pub instance: Option<String>,
    /// Its exit status.
    pub exit_status: Option<i32>,
    /// In the words of the project's page, if it is from there.
    pub outcome: Option<String>,
    /// Why the job failed, if it did.
    pub cause: Option<String>,
    /// What the program and the wrapper wrote.
    pub text: String,
    /// All instances of the attempt, if they were asked for.
    pub instances: Vec<String>,
}

/// Finds the log of a job.
///
/// # Errors
/// There is none, the project can't be reached, or the campaign file can't be read.
pub fn log(campaign: &Campaign, client: &ProjectClient, job: &str, which: Which) -> Result<Log, FollowError> {
    let meta = submitted(campaign, "buoy logs shows its logs")?;
    let attempts = campaign.attempts(job)?;
    let last = attempts.last().map_or(0, |row| row.attempt);
    let wanted = which.attempt.unwrap_or(last);
    let row = attempts.into_iter().find(|row| row.attempt == wanted).ok_or_else(|| {
        FollowError::Refused(format!("job {job} has no attempt {wanted}, only 0 to {last}"))
    })?;
    if row.state == JobState::Waiting {
        return Err(not_sent(&row));
    }
    if row.state == JobState::Done && which.instance.is_none() {
        match client.completed_job(&row.new.name) {
            Ok(done) => {
                return Ok(Log {
                    exit_status: Some(done.exit_status),
                    ..of(&row, done.stderr_txt().to_owned())
                });
            }
            // The page may show it all the same.
            Err(ProjectError::FatalError { .. } | ProjectError::ServerError { .. }) => {}
            Err(ProjectError::NoSuchJob { .. }) => return Err(not_on_server(&row)),
            Err(error) => return Err(error.into()),
        }
    }
    let instances = client.instances(workunit_id(campaign, client, &row)?)?;
    from_pages(client, &meta.project().url, &row, &instances, which.instance)
}

fn of(row: &WorkunitRow, text: String) -> Log {
    Log {
        job: row.new.job.clone(),
        workunit: row.new.name.clone(),
        instance: None,
        exit_status: None,
        outcome: None,
        cause: row.cause.clone(),
        text,
        instances: Vec::new(),
    }
}

fn not_on_server(row: &WorkunitRow) -> FollowError {
    FollowError::Refused(format!(
        "job {}: the project has no workunit {}; it was never made, or has been purged from the database",
        row.new.job, row.new.name
    ))
}

fn not_sent(row: &WorkunitRow) -> FollowError {
    FollowError::Refused(format!(
        "job {} is {}: no volunteer has had it, so there is no log",
        row.new.job,
        row.state.word()
    ))
}

/// The server's id of a workunit: noted, or found among its batch's jobs.
fn workunit_id(
    campaign: &Campaign,
    client: &ProjectClient,
    row: &WorkunitRow,
) -> Result<WorkunitId, FollowError> {
    if let Some(id) = row.server_id.and_then(|id| u64::try_from(id).ok()) {
        return Ok(WorkunitId(id));
    }
    let batches = campaign.batches()?;
    let batch = batches.iter().find(|batch| Some(batch.id) == row.batch).ok_or_else(|| not_on_server(row))?;
    let reply = client.batch(&key(batch), Details::Without)?;
    let found = reply.jobs.iter().find(|job| job.name == row.new.name).map(|job| job.id);
    found.ok_or_else(|| not_on_server(row))
}

fn from_pages(
    client: &ProjectClient,
    url: &str,
    row: &WorkunitRow,
    instances: &[Instance],
    wanted: Option<u32>,
) -> Result<Log, FollowError> {
    let job = &row.new.job;
    let mut chosen: Vec<&Instance> = instances.iter().collect();
    if let Some(wanted) = wanted {
        chosen.retain(|instance| number(&instance.name) == Some(wanted));
        if chosen.is_empty() {
            let known: Vec<String> =
                instances.iter().filter_map(|i| Some(number(&i.name)?.to_string())).collect();
            let known = if known.is_empty() { "none so far".to_owned() } else { known.join(", ") };
            return Err(FollowError::Refused(format!("job {job} has no instance {wanted}, only {known}")));
        }
    }
    let Some(first) = chosen.last() else { return Err(not_sent(row)) };
    let page_of_first = format!("{}/result.php?resultid={}", url.trim_end_matches('/'), first.id);
    let mut fallback = None;
    let mut looked_at = Vec::new();
    // The last one first: an earlier one may be older than the page's memory.
    for instance in chosen.iter().rev().take(PAGES) {
        let page = client.task_page(instance.id)?;
        looked_at.push(instance.name.as_str());
        let Some(text) = page.stderr_txt().filter(|text| !text.trim().is_empty()).map(str::to_owned) else {
            continue;
        };
        let log = Log {
            instance: Some(instance.name.clone()),
            exit_status: page.exit_status,
            outcome: page.outcome,
            instances: instances.iter().map(|instance| instance.name.clone()).collect(),
            ..of(row, text)
        };
        // The one that speaks for the job, if that is known.
        if row.exit_status.is_none() || row.exit_status == log.exit_status {
            return Ok(log);
        }
        fallback.get_or_insert(log);
    }
    let still = if row.state.is_finished() { "" } else { ", or wait: a log comes with a result" };
    fallback.ok_or_else(|| {
        FollowError::Refused(format!(
            "job {job}: the project's public pages show no log of {}; look at {page_of_first} yourself{still}",
            looked_at.join(", ")
        ))
    })
}

/// The number at the end of a result's name, `<workunit>_<n>`.
fn number(result: &str) -> Option<u32> {
    result.rsplit_once('_')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_its_number_at_the_end() {
        assert_eq!(number("vina-0123456789ab__b__x_1_12"), Some(12));
        assert_eq!(number("plain"), None);
    }
}

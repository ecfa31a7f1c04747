//! Where a campaign that went to a project stands, from its file alone.

use serde::Serialize;

use super::time_left::time_left;
use super::{FollowError, facts};
use crate::campaign::Campaign;
use crate::campaign::sent::{Counts, FailureGroup, WorkunitRow};

/// A campaign in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The project, by its name in the user's configuration.
    pub project: String,
    /// Its address.
    pub url: String,
    /// The science app.
    pub app: String,
    /// The batch's name, as in names of workunits.
    pub batch: String,
    /// When it was submitted first, seconds since 1970.
    pub begun: f64,
    /// A `buoy` works on it.
    pub active: bool,
    /// Jobs by state; the last attempt at each counts.
    pub jobs: Counts,
    /// Seconds until all are over, at the pace of late; null if nobody can say.
    pub seconds_left: Option<f64>,
    /// When the server was last asked, seconds since 1970.
    pub asked: Option<f64>,
    /// How long ago that was, seconds.
    pub age_seconds: Option<f64>,
    /// Why the server could not be asked now.
    pub problem: Option<String>,
    /// Failed jobs by cause, most frequent first.
    pub failures: Vec<FailureGroup>,
    /// Finished jobs whose outputs are not on this computer.
    pub unfetched: usize,
    /// The batches on the server.
    pub batches: Vec<BatchStanding>,
    /// Each job, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<JobLine>>,
}

/// A batch in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchStanding {
    /// Its name on the server.
    pub name: String,
    /// Its id there.
    pub server_id: Option<i64>,
    /// How far it is.
    pub stage: &'static str,
}

/// A job in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobLine {
    /// The job.
    pub job: String,
    /// Its workunit.
    pub workunit: String,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// Where it is.
    pub state: &'static str,
    /// Exit status of a failed result.
    pub exit_status: Option<i32>,
    /// Why it failed.
    pub cause: Option<String>,
    /// Processor time of its canonical result, seconds.
    pub cpu_seconds: Option<f64>,
    /// Its outputs are on this computer.
    pub fetched: bool,
}

/// Whether each job is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Figures only.
    Figures,
    /// A line for each job.
    Jobs,
}

/// Reads where the campaign stands; `now` is seconds since 1970.
///
/// # Errors
/// The campaign file can't be read, or the campaign went to no project.
pub fn standing(
    campaign: &Campaign,
    active: bool,
    listing: Listing,
    now: f64,
) -> Result<Standing, FollowError> {
    let facts = facts(campaign, "buoy status shows it")?;
    let asked = campaign.last_asked()?;
    let batches = campaign.batches()?;
    let list = match listing {
        Listing::Figures => None,
        Listing::Jobs => Some(campaign.current()?.into_iter().map(line).collect()),
    };
    Ok(Standing {
        project: facts.project,
        url: facts.url,
        app: facts.app,
        batch: facts.batch,
        begun: facts.begun,
        active,
        jobs: campaign.counts()?,
        seconds_left: time_left(campaign, now)?,
        asked,
        age_seconds: asked.map(|asked| (now - asked).max(0.0)),
        problem: None,
        failures: campaign.failures()?,
        unfetched: campaign.unfetched()?,
        batches: batches
            .into_iter()
            .map(|batch| BatchStanding {
                name: batch.name,
                server_id: batch.server_id,
                stage: batch.stage.word(),
            })
            .collect(),
        list,
    })
}

fn line(row: WorkunitRow) -> JobLine {
    JobLine {
        job: row.new.job,
        workunit: row.new.name,
        attempt: row.attempt,
        state: row.state.word(),
        exit_status: row.exit_status,
        cause: row.cause,
        cpu_seconds: row.cpu_seconds,
        fetched: row.fetched,
    }
}

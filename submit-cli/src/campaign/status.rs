//! A campaign in figures, from its file alone.

use serde::Serialize;

use super::job_view::{Counts, FailureGroup, JobView};
use super::submitted::Stage;
use super::time_left::time_left;
use super::{Campaign, CampaignError, utc};

/// The state of a campaign: what `buoy status` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The science app.
    pub app: String,
    /// The batch's name, as in names of workunits.
    pub batch: String,
    /// The project, by its name in the user's configuration; null for a campaign of this host.
    pub project: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// When the campaign was first run or submitted.
    #[serde(serialize_with = "utc::time")]
    pub started: f64,
    /// Another process of `buoy` uses it.
    pub active: bool,
    /// Jobs by state; the last attempt at each counts.
    pub jobs: Counts,
    /// Seconds until all have finished, at the current rate; null if that is unknown.
    pub seconds_left: Option<f64>,
    /// When the project was last asked.
    #[serde(serialize_with = "utc::optional")]
    pub asked: Option<f64>,
    /// Time since then, seconds.
    pub age_seconds: Option<f64>,
    /// Why the project could not be asked now.
    pub problem: Option<String>,
    /// Failed jobs by kind of cause, the most frequent first.
    pub failures: Vec<FailureGroup>,
    /// Number of finished jobs whose outputs are not on this host.
    pub unfetched: usize,
    /// The batches on the server.
    pub batches: Vec<BatchStatus>,
    /// Each job, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<JobView>>,
}

/// A batch in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchStatus {
    /// Its name on the server.
    pub name: String,
    /// Its id there.
    pub server_id: Option<i64>,
    /// What was done with it.
    pub stage: Stage,
}

/// Whether each job is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Figures only.
    Figures,
    /// Each job.
    Jobs,
}

impl Status {
    /// Reads the state of a campaign; `now` is seconds since 1970.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn read(
        campaign: &Campaign,
        active: bool,
        listing: Listing,
        now: f64,
    ) -> Result<Self, CampaignError> {
        let meta = campaign.meta()?.unwrap_or_default();
        let asked = campaign.last_asked()?;
        let batches = campaign.batches()?.into_iter();
        let (project, url) = meta.project.map(|project| (project.name, project.url)).unzip();
        Ok(Self {
            app: meta.app,
            batch: meta.batch,
            project,
            url,
            started: meta.started,
            active,
            jobs: campaign.counts()?,
            seconds_left: time_left(campaign, now)?,
            asked,
            age_seconds: asked.map(|asked| (now - asked).max(0.0)),
            problem: None,
            failures: campaign.failures()?,
            unfetched: campaign.unfetched()?,
            batches: batches
                .map(|batch| BatchStatus { name: batch.name, server_id: batch.server_id, stage: batch.stage })
                .collect(),
            list: match listing {
                Listing::Figures => None,
                Listing::Jobs => Some(campaign.job_views()?),
            },
        })
    }
}

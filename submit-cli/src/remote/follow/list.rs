//! The campaigns of this computer, and batches of a project that belong to none of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::index::{Index, IndexError};
use crate::campaign::job_view::Counts;
use crate::campaign::submitted::BatchRow;
use crate::campaign::{Campaign, CampaignError, utc};
use crate::project::protocol::batch::{BatchReply, BatchState};

/// What `buoy list` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct List {
    /// In the order in which they were first worked on.
    pub campaigns: Vec<Listed>,
    /// Batches of a project that belong to no campaign here; null if nobody asked.
    pub batches: Option<Vec<RemoteBatch>>,
}

/// A campaign in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its directory of results.
    pub dir: PathBuf,
    /// Whether it can be read.
    pub presence: Presence,
    /// Why not.
    pub problem: Option<String>,
    /// The science app.
    pub app: String,
    /// The batch's name.
    pub batch: String,
    /// The project's name; null for a campaign of `buoy run`.
    pub project: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// Jobs by state, states without jobs left out.
    pub jobs: Counts,
    /// A `buoy` works on it.
    pub active: bool,
    /// Seconds since the state of one of its jobs was last seen to change.
    pub age_seconds: Option<f64>,
    /// Ids of its batches on the server.
    pub server_batches: Vec<u64>,
}

/// Whether a campaign is where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is.
    Here,
    /// Its directory, or what makes it a campaign, was removed.
    Gone,
    /// Its file can't be read.
    Unreadable,
}

/// A batch that belongs to no campaign here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoteBatch {
    /// Its id on the server.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The BOINC app.
    pub app: String,
    /// Where it is in its life.
    pub state: &'static str,
    /// How many jobs it has.
    pub jobs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Share of jobs that are over, 0 to 1.
    pub fraction_done: f64,
    /// When it was made, seconds since 1970.
    #[serde(serialize_with = "utc::time")]
    pub created: f64,
}

/// Reads the campaigns of an index; `now` is seconds since 1970.
///
/// # Errors
/// The index can't be read. A campaign that can't be is listed as such.
pub fn local(index: &Index, now: f64) -> Result<Vec<Listed>, IndexError> {
    Ok(index.campaigns()?.iter().map(|dir| listed(dir, now)).collect())
}

fn listed(dir: &Path, now: f64) -> Listed {
    let mut listed = Listed {
        dir: dir.to_owned(),
        presence: Presence::Here,
        problem: None,
        app: String::new(),
        batch: String::new(),
        project: None,
        url: None,
        jobs: Counts::default(),
        active: false,
        age_seconds: None,
        server_batches: Vec::new(),
    };
    match read(&mut listed, now) {
        Ok(()) => {}
        Err(CampaignError::Missing { .. }) => listed.presence = Presence::Gone,
        Err(error) => {
            listed.presence = Presence::Unreadable;
            listed.problem = Some(error.to_string());
        }
    }
    listed
}

fn read(listed: &mut Listed, now: f64) -> Result<(), CampaignError> {
    let campaign = Campaign::open_to_read(&listed.dir)?;
    listed.active = Campaign::is_active(&listed.dir)?;
    let meta = campaign.meta()?.unwrap_or_default();
    // Not the time of its file, which is also written when nothing has changed.
    let changed =
        campaign.last_moment()?.map(|moment| moment.at).or(Some(meta.started).filter(|at| *at > 0.0));
    listed.age_seconds = changed.map(|at| (now - at).max(0.0));
    listed.app = meta.app;
    listed.batch = meta.batch;
    (listed.project, listed.url) = meta.project.map(|project| (project.name, project.url)).unzip();
    listed.jobs = campaign.counts()?;
    listed.server_batches = campaign.batches()?.iter().filter_map(BatchRow::number).collect();
    Ok(())
}

/// The batches of a project that are not among those with these ids.
pub fn remote(batches: Vec<BatchReply>, here: &BTreeSet<u64>) -> Vec<RemoteBatch> {
    batches
        .into_iter()
        .filter(|batch| !here.contains(&batch.id.0))
        .map(|batch| RemoteBatch {
            id: batch.id.0,
            name: batch.name,
            app: batch.app_name,
            state: match batch.state {
                BatchState::Init => "init",
                BatchState::InProgress => "in_progress",
                BatchState::Complete => "complete",
                BatchState::Aborted => "aborted",
                BatchState::Retired => "retired",
            },
            jobs: batch.job_count,
            failed: batch.failed_count,
            fraction_done: batch.fraction_done,
            created: batch.create_time,
        })
        .collect()
}

//! Following a campaign that was submitted to a project: what became of its jobs, why some failed, and what a
//! submitter can do about it.
//!
//! Nothing here needs the campaign's lock but [`abort`], [`retire`] and [`retry`]: the server is asked, and what it tells
//! is folded into the campaign file, as often as one likes and from as many processes.

pub mod abort;
pub mod index;
pub mod list;
pub mod log;
pub mod poll;
mod poll_interval;
pub mod retire;
pub mod retry;
pub mod verdicts;
pub mod watch;

use crate::campaign::Campaign;
use crate::campaign::CampaignError;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::BatchRow;
use crate::project::error::ProjectError;
use crate::project::protocol::batch::BatchKey;
use crate::project::protocol::id::BatchId;

/// Why a campaign can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The campaign file.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// It cannot be done as it was asked for: the submitter has to ask for something else.
    #[error("{0}")]
    Refused(String),
}

/// What to ask the project about a batch by.
fn key(batch: &BatchRow) -> BatchKey {
    match batch.number() {
        Some(id) => BatchKey::Id(BatchId(id)),
        None => BatchKey::Name(batch.name.clone()),
    }
}

/// What a campaign is that must be a submitted one.
///
/// # Errors
/// It was run on this host; `instead` says what to do then.
pub fn submitted(campaign: &Campaign, instead: &'static str) -> Result<CampaignMeta, FollowError> {
    let local = || format!("this campaign was run on this host, not submitted to a project; {instead}");
    campaign.submitted_meta()?.ok_or_else(|| FollowError::Refused(local()))
}

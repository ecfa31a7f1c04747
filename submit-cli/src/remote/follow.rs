//! Following a campaign that was submitted to a project: what became of its jobs, why some failed, and what a
//! submitter can do about it.
//!
//! Nothing here needs the campaign's lock but [`abort`], [`retire`] and [`retry`]: the server is asked, and what it tells
//! is folded into the campaign file, as often as one likes and from as many processes.

pub mod abort;
pub mod bounds;
pub mod cause;
pub mod index;
pub mod list;
pub mod log;
pub mod poll;
mod poll_interval;
pub mod retire;
pub mod retry;
pub mod standing;
pub mod time_left;
pub mod verdicts;
pub mod watch;

use crate::campaign::Campaign;
use crate::campaign::CampaignError;
use crate::campaign::sent::Facts;
use crate::project::error::ProjectError;

/// Why a campaign can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The campaign file.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// It is a campaign of `buoy run`.
    #[error("this campaign was run on this computer and is on no project; {instead}")]
    Local {
        /// What does for local campaigns what was wanted.
        instead: &'static str,
    },
}

/// The facts of a campaign that must be one of a project.
///
/// # Errors
/// It was run on this computer; `instead` says what to do then.
pub fn facts(campaign: &Campaign, instead: &'static str) -> Result<Facts, FollowError> {
    campaign.facts()?.ok_or(FollowError::Local { instead })
}

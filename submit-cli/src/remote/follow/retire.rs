//! Telling the server that a campaign's files are not needed any more.

use super::{FollowError, submitted};
use crate::campaign::Campaign;
use crate::campaign::cause::{Cause, CauseKind};
use crate::campaign::submitted::Stage;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::id::BatchId;

/// What would be lost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Losses {
    /// Jobs that are not over.
    pub open: usize,
    /// Finished jobs whose outputs are not on this computer.
    pub unfetched: usize,
}

impl Losses {
    /// Nothing would be lost.
    pub fn is_none(&self) -> bool {
        self.open == 0 && self.unfetched == 0
    }
}

/// What would be lost if the campaign were retired now, by the campaign file.
///
/// # Errors
/// It can't be read, or the campaign went to no project.
pub fn losses(campaign: &Campaign) -> Result<Losses, FollowError> {
    submitted(campaign, "its directory can be removed")?;
    let counts = campaign.counts()?;
    Ok(Losses { open: counts.total() - counts.finished(), unfetched: campaign.unfetched()? })
}

/// Retires each batch that the server has, whatever is lost; how many. What was not over is given up.
///
/// # Errors
/// The project can't be reached or refuses. What is retired stays so; doing it again goes on.
pub fn retire(campaign: &mut Campaign, client: &ProjectClient, now: f64) -> Result<usize, FollowError> {
    submitted(campaign, "its directory can be removed")?;
    let mut retired = 0;
    for batch in campaign.batches()? {
        if batch.stage == Stage::Retired {
            continue;
        }
        if let Some(id) = batch.number() {
            match client.retire_batch(BatchId(id)) {
                Ok(()) => retired += 1,
                // An admin has removed it; nothing is left to retire.
                Err(ProjectError::NoSuchBatch { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        campaign.note_stage(batch.id, Stage::Retired)?;
    }
    let cause = Cause {
        kind: CauseKind::Aborted,
        exit_status: None,
        text: "its batch was retired before it finished".to_owned(),
    };
    campaign.give_up_open(&cause, now)?;
    campaign.note_moment(now)?;
    Ok(retired)
}

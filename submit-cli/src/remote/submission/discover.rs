//! Finds on the server what an earlier process may have sent.

use super::submission_plan::batch_name;
use super::{SubmitError, Submitter};
use crate::campaign::event::Event;
use crate::campaign::submitted::{BatchRow, Filled, RoundRow, Stage};
use crate::project::error::ProjectError;
use crate::project::protocol::batch::{BatchKey, BatchReply, BatchState, Details};

/// What the server knows by a name.
pub(super) enum Found {
    /// A batch of ours; the oldest of that name.
    Ours(Box<BatchReply>),
    /// None.
    Nothing,
    /// A batch of another user.
    Foreign,
}

impl Submitter<'_> {
    /// Looks for batches of a round that the campaign file does not know: another process, or another computer, may
    /// have submitted the same. Those that are there are taken over.
    pub(super) fn discover(&mut self, round: &RoundRow) -> Result<(), SubmitError> {
        let Some(meta) = self.campaign.submitted_meta()? else { return Ok(()) };
        let known = self.campaign.batches()?;
        let parts = known.iter().filter(|batch| batch.round == round.id).map(|batch| batch.part);
        let mut part = parts.max().unwrap_or(0);
        loop {
            part += 1;
            let name = batch_name(&meta, &round.round.digest, part);
            let Found::Ours(reply) = self.look_up(&name)? else { return Ok(()) };
            let mut batch = self.campaign.add_batch(round.id, part, &name)?;
            self.adopt(&mut batch, &reply)?;
        }
    }

    /// Asks for a batch by its name.
    pub(super) fn look_up(&self, name: &str) -> Result<Found, SubmitError> {
        let key = BatchKey::Name(name.to_owned());
        self.link.persist("query a batch", || match self.link.client.batch(&key, Details::Without) {
            Ok(reply) => Ok(Found::Ours(Box::new(reply))),
            Err(ProjectError::NoSuchBatch { .. }) => Ok(Found::Nothing),
            Err(ProjectError::NotOwner { .. }) => Ok(Found::Foreign),
            Err(error) => Err(error),
        })
    }

    /// Takes over what the server has of a batch.
    pub(super) fn adopt(&mut self, batch: &mut BatchRow, reply: &BatchReply) -> Result<(), SubmitError> {
        self.note(batch, reply)?;
        self.link.reporter.report(Event::Batch {
            batch: &batch.name,
            id: batch.server_id.unwrap_or_default(),
            present: reply.jobs.len(),
        });
        Ok(())
    }

    /// Notes what the server has of a batch.
    pub(super) fn note(&mut self, batch: &mut BatchRow, reply: &BatchReply) -> Result<(), SubmitError> {
        let id = i64::try_from(reply.id.0).unwrap_or(i64::MAX);
        let present: Vec<(&str, Option<i64>)> =
            reply.jobs.iter().map(|job| (job.name.as_str(), i64::try_from(job.id.0).ok())).collect();
        self.campaign.note_present(batch.id, &present)?;
        batch.server_id = Some(id);
        batch.stage = match reply.state {
            BatchState::Init => Stage::Created,
            BatchState::InProgress | BatchState::Complete => Stage::Submitted,
            BatchState::Aborted | BatchState::Retired => {
                let what = if reply.state == BatchState::Aborted { "aborted" } else { "retired" };
                return Err(SubmitError::EndedBatch { name: batch.name.clone(), what });
            }
        };
        self.campaign.save_batch(batch)?;
        if batch.stage == Stage::Submitted {
            // The server takes no more for this batch: what is not in it goes into another.
            let left: Vec<i64> =
                self.campaign.workunits_of(batch.id, Filled::Waiting)?.iter().map(|w| w.id).collect();
            self.campaign.assign(&left, None)?;
        }
        Ok(())
    }
}

//! Asks the server which jobs have a canonical result: one request a batch, and none for a batch that is all told.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use super::wait::Wait;
use super::{FetchError, Options};
use crate::campaign::Campaign;
use crate::campaign::event::{Event, Reporter};
use crate::campaign::job_view::JobState;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::{Change, Verdict, WorkunitRow};
use crate::clock::Clock;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::batch::{BatchKey, Details};
use crate::project::protocol::id::BatchId;
use crate::project::retry::retry;

/// Notes what the server tells.
pub(super) fn learn(
    campaign: &mut Campaign,
    meta: &CampaignMeta,
    client: &ProjectClient,
    options: &Options,
    reporter: &dyn Reporter,
    clock: &dyn Clock,
) -> Result<(), FetchError> {
    let (now, ended) = (clock.now(), AtomicBool::new(false));
    let wanted = campaign.current()?;
    let open: HashSet<i64> = wanted.iter().filter(|row| is_untold(row)).filter_map(|row| row.batch).collect();
    for batch in campaign.batches()? {
        let Some(id) = batch.server_id.filter(|_| open.contains(&batch.id)) else { continue };
        let key = BatchKey::Id(BatchId(id.unsigned_abs()));
        let reply =
            retry(&options.retry, &Wait { clock, ended: &ended }, || client.batch(&key, Details::Without));
        let reply = match reply {
            Ok(reply) => reply,
            Err(_) if clock.interrupted() => return Ok(()),
            Err(error @ (ProjectError::NoSuchBatch { .. } | ProjectError::NotOwner { .. })) => {
                let text = format!("batch {}: {error}; its jobs are left out", batch.name);
                reporter.report(Event::Note { text: &text });
                continue;
            }
            Err(error) => return Err(FetchError::project(meta, error)),
        };
        let mut changes = Vec::new();
        let mut verdicts = Vec::new();
        for job in reply.jobs {
            if job.canonical_instance.is_some() {
                changes.push(Change { name: job.name.clone(), state: JobState::Done });
            }
            verdicts.push(Verdict {
                name: job.name,
                server_id: i64::try_from(job.id.0).ok(),
                canonical: job.canonical_instance.and_then(|id| i64::try_from(id.0).ok()),
                ..Verdict::default()
            });
        }
        campaign.note_changes(&changes, now)?;
        campaign.note_verdicts(&verdicts)?;
    }
    campaign.note_moment(now)?;
    Ok(())
}

/// The server can know more of it than the campaign file.
fn is_untold(row: &WorkunitRow) -> bool {
    match row.state {
        JobState::Failed | JobState::Dropped => false,
        JobState::Done => row.server_id.is_none() || row.canonical.is_none(),
        JobState::Waiting | JobState::Unsent | JobState::InProgress => true,
    }
}

//! One round of questions to the server, folded into the campaign file.
//!
//! A batch costs one `query_batch2`, which tells only the jobs that changed. It asks by name, and the server answers for
//! the first batch of that name (`BoincBatch::lookup_name`): if that is not ours, the batch is asked for by its id from
//! then on.

use super::verdicts::{bounds, fold, interval_seconds};
use super::{FollowError, key};
use crate::campaign::bounds::Bounds;
use crate::campaign::cause::Subject;
use crate::campaign::job_view::JobState;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::{BatchFigures, BatchRow, Change, RoundRow, Stage};
use crate::campaign::{Campaign, CampaignError};
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::batch::Details;
use crate::project::protocol::changes::{ChangedJob, ChangedState};

/// After so many seconds of our time all jobs are asked for, not only those that changed, in case clocks are further apart.
const WHOLE_AFTER_SECONDS: f64 = 3_600.0;

/// How eagerly details of finished jobs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eagerness {
    /// Not too often, the less often the larger a batch is.
    Sparing,
    /// As soon as there is something to learn: the submitter waits for it.
    Eager,
}

/// What a poll brought.
#[derive(Debug, Default)]
pub struct Polled {
    /// Workunits that changed their state.
    pub changed: usize,
    /// Requests that were sent.
    pub requests: usize,
    /// All that the server has is over, and there is nothing to ask any more.
    pub over: bool,
    /// Batches that could not be asked about, though the server answers; the others were.
    pub problems: Vec<Problem>,
}

/// A batch that can't be followed.
#[derive(Debug)]
pub struct Problem {
    /// Its name.
    pub batch: String,
    /// Why.
    pub error: ProjectError,
}

/// Asks about each batch that is not over, and notes what the server tells; `now` is seconds since 1970, our clock.
///
/// # Errors
/// The project can't be reached or refuses us as a whole; the campaign file can't be written. What was learned up to then is
/// noted.
pub fn poll(
    campaign: &mut Campaign,
    client: &ProjectClient,
    now: f64,
    eagerness: Eagerness,
) -> Result<Polled, FollowError> {
    let meta = super::submitted(campaign, "buoy status shows it")?;
    let rounds = campaign.rounds()?;
    let mut polled = Polled::default();
    for batch in campaign.batches()? {
        let asked =
            Question { campaign, client, now, eagerness, meta: &meta, rounds: &rounds, batch: &batch }
                .ask(&mut polled);
        match asked {
            Ok(()) => {}
            Err(FollowError::Project(error)) if is_of_one_batch(&error) => {
                polled.problems.push(Problem { batch: batch.name.clone(), error });
            }
            Err(error) => return Err(error),
        }
    }
    close_batches(campaign)?;
    polled.over = is_over(campaign, &[])?;
    campaign.note_moment(now)?;
    Ok(polled)
}

/// Whether all that the server has is over, by the campaign file, in all batches but those of these names.
///
/// # Errors
/// It can't be read.
pub fn is_over(campaign: &Campaign, without: &[&str]) -> Result<bool, CampaignError> {
    let figures = campaign.batch_figures()?;
    let batches = campaign.batches()?;
    let mut asked = batches.iter().filter(|batch| !without.contains(&batch.name.as_str()));
    Ok(!asked.any(|batch| open_in(batch, figures.get(&batch.id).copied().unwrap_or_default()) > 0))
}

/// Whether the server has nothing to tell any more, by the campaign file.
///
/// # Errors
/// It can't be read.
pub fn is_settled(campaign: &Campaign) -> Result<bool, CampaignError> {
    let batches = campaign.batches()?;
    let is_retired = |id: i64| batches.iter().any(|batch| batch.id == id && batch.stage == Stage::Retired);
    let figures = campaign.batch_figures()?;
    let is_untold = figures.iter().any(|(id, figures)| figures.untold > 0 && !is_retired(*id));
    Ok(!is_untold && is_over(campaign, &[])?)
}

/// Errors that say nothing about other batches, and that no waiting mends.
fn is_of_one_batch(error: &ProjectError) -> bool {
    matches!(error, ProjectError::NoSuchBatch { .. } | ProjectError::NotOwner { .. })
}

/// Workunits of a batch of which the server may have news.
fn open_in(batch: &BatchRow, figures: BatchFigures) -> usize {
    match batch.stage {
        // The server was seen to have all of them.
        Stage::Submitted => figures.open + figures.waiting,
        Stage::Complete | Stage::Aborted => figures.open,
        Stage::Named | Stage::Created | Stage::Retired => 0,
    }
}

/// Notes which batches are complete.
fn close_batches(campaign: &mut Campaign) -> Result<(), CampaignError> {
    let figures = campaign.batch_figures()?;
    for batch in campaign.batches()? {
        if batch.stage == Stage::Submitted
            && open_in(&batch, figures.get(&batch.id).copied().unwrap_or_default()) == 0
        {
            campaign.note_stage(batch.id, Stage::Complete)?;
        }
    }
    Ok(())
}

/// All that a question about a batch needs.
struct Question<'a> {
    campaign: &'a mut Campaign,
    client: &'a ProjectClient,
    now: f64,
    eagerness: Eagerness,
    meta: &'a CampaignMeta,
    rounds: &'a [RoundRow],
    batch: &'a BatchRow,
}

impl Question<'_> {
    fn ask(mut self, polled: &mut Polled) -> Result<(), FollowError> {
        if self.batch.stage == Stage::Retired {
            return Ok(());
        }
        if open_in(self.batch, self.campaign.figures_of(self.batch.id)?) > 0 && !self.is_asked_by_id()? {
            self.ask_for_changes(polled)?;
        }
        if self.wants_details()? {
            self.ask_for_details(polled)?;
        }
        Ok(())
    }

    fn ask_for_changes(&mut self, polled: &mut Polled) -> Result<(), FollowError> {
        let now = self.now;
        let whole = self.batch.known_until.is_none()
            || now - self.time_noted(WHOLE_ASKED)?.unwrap_or(0.0) >= WHOLE_AFTER_SECONDS;
        let since = if whole { None } else { self.batch.known_until };
        polled.requests += 1;
        let changes = match self.client.changes(&self.batch.name, since) {
            Ok(changes) => changes,
            Err(ProjectError::NotOwner { .. } | ProjectError::NoSuchBatch { .. }) => {
                return Ok(self.ask_by_id_from_now_on()?);
            }
            Err(error) => return Err(error.into()),
        };
        if whole && !self.is_any_ours(&changes.jobs)? {
            return Ok(self.ask_by_id_from_now_on()?);
        }
        let list: Vec<Change> = changes.jobs.into_iter().map(change).collect();
        polled.changed += self.campaign.note_changes(&list, now)?;
        // Until when all is known is noted last: a process killed before asks once more.
        self.campaign.note_asked(self.batch.id, Some(changes.server_time), now)?;
        if whole {
            self.note_time(WHOLE_ASKED, now)?;
        }
        Ok(())
    }

    fn is_any_ours(&self, jobs: &[ChangedJob]) -> Result<bool, CampaignError> {
        for job in jobs {
            if self.campaign.has_workunit(self.batch.id, &job.name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it is time for details: there is something to learn, and the submitter waits for it, or it is the end, or the
    /// last time is long ago.
    fn wants_details(&self) -> Result<bool, CampaignError> {
        let figures = self.campaign.figures_of(self.batch.id)?;
        let open = open_in(self.batch, figures);
        let is_something_to_learn = figures.untold > 0 || (open > 0 && self.is_asked_by_id()?);
        let interval = interval_seconds(figures.total);
        let is_due = self.time_noted(DETAILS_ASKED)?.is_none_or(|last| self.now - last >= interval);
        Ok(is_something_to_learn && (self.eagerness == Eagerness::Eager || open == 0 || is_due))
    }

    fn ask_for_details(&mut self, polled: &mut Polled) -> Result<(), FollowError> {
        let now = self.now;
        polled.requests += 1;
        let reply = self.client.batch(&key(self.batch), Details::With)?;
        let bounds: Bounds = bounds(self.meta, self.rounds, self.batch.round);
        let job = Subject { program: &self.meta.app, bounds };
        polled.changed += fold(self.campaign, self.batch, &reply, &job, now)?;
        self.campaign.note_asked(self.batch.id, None, now)?;
        Ok(self.note_time(DETAILS_ASKED, now)?)
    }

    fn is_asked_by_id(&self) -> Result<bool, CampaignError> {
        Ok(self.time_noted(BY_ID)?.is_some())
    }

    fn ask_by_id_from_now_on(&mut self) -> Result<(), CampaignError> {
        self.note_time(BY_ID, self.now)
    }

    fn time_noted(&self, what: &str) -> Result<Option<f64>, CampaignError> {
        let text = self.campaign.value(&self.key(what))?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    fn note_time(&mut self, what: &str, at: f64) -> Result<(), CampaignError> {
        let key = self.key(what);
        self.campaign.set_value(&key, &at.to_string())
    }

    fn key(&self, what: &str) -> String {
        format!("{what}.{}", self.batch.id)
    }
}

/// Keys of `meta`, each with the batch's number in the campaign file after it; the value is our time, seconds since 1970.
const DETAILS_ASKED: &str = "details_asked";
const WHOLE_ASKED: &str = "whole_asked";
const BY_ID: &str = "by_id";

fn change(job: ChangedJob) -> Change {
    let state = match job.state {
        ChangedState::Done => JobState::Done,
        ChangedState::Error => JobState::Failed,
        ChangedState::InProgress => JobState::InProgress,
        ChangedState::Unsent => JobState::Unsent,
    };
    Change { name: job.name, state }
}

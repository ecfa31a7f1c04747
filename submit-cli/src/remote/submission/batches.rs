//! Creates batches and submits their jobs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use boinc::names::workunit::WorkunitName;

use super::backoff::failures;
use super::discover::Found;
use super::submission_plan::{batch_name, submission};
use super::{SubmitError, Submitter};
use crate::campaign::event::Event;
use crate::campaign::submitted::{BatchRow, Filled, RoundRow, Stage, WorkunitRow};
use crate::project::error::ProjectError;
use crate::project::protocol::batch::{BatchKey, BatchReply, Details};
use crate::project::protocol::id::BatchId;
use crate::project::protocol::submission::Submission;

/// Names that are tried for a batch if another user of the project has its name.
const NAMES: u32 = 5;

impl Submitter<'_> {
    /// Sends all jobs of a round to the server.
    pub(super) fn submit_round(&mut self, round: &RoundRow) -> Result<(), SubmitError> {
        let begun = self.campaign.batches()?.into_iter().filter(|batch| batch.round == round.id);
        let begun: Vec<BatchRow> =
            begun.filter(|batch| matches!(batch.stage, Stage::Named | Stage::Created)).collect();
        if begun.is_empty() && self.campaign.unassigned(round.id)?.is_empty() {
            return Ok(());
        }
        for mut batch in begun {
            // An earlier process may have got further than it could note.
            match batch.stage {
                Stage::Named => self.make(&mut batch)?,
                _ => self.synchronise(&mut batch)?,
            }
            self.fill(round, &mut batch)?;
        }
        self.discover(round)?;
        let left = self.campaign.unassigned(round.id)?;
        let rule = self.rule_file(&left)?;
        self.upload_missing(&names(round, &left).into_iter().chain(rule.as_deref()).collect())?;
        loop {
            let left = self.campaign.unassigned(round.id)?;
            if left.is_empty() {
                return Ok(());
            }
            let mut batch = self.name_batch(round, &left)?;
            self.create(&mut batch)?;
            self.fill(round, &mut batch)?;
        }
    }

    /// Names the next batch and gives it as many jobs as a request holds.
    fn name_batch(&mut self, round: &RoundRow, left: &[WorkunitRow]) -> Result<BatchRow, SubmitError> {
        let submission = submission(&self.app_name, &round.round, left.iter().map(|row| &row.new));
        let mut bytes = submission.envelope_bytes();
        let sizes = submission.job_sizes();
        let mut count = 0;
        for job in submission.jobs.iter().take(self.link.options.batch_jobs) {
            bytes += sizes.of(job);
            if count > 0 && bytes > self.limits.request_bytes {
                break;
            }
            count += 1;
        }
        let ids: Vec<i64> = left[..count].iter().map(|workunit| workunit.id).collect();
        let parts = self.campaign.batches()?;
        let part = parts.iter().filter(|batch| batch.round == round.id).map(|batch| batch.part).max();
        let part = part.unwrap_or(0) + 1;
        let meta = self.campaign.submitted_meta()?;
        let name = meta.map_or_else(String::new, |meta| batch_name(&meta, &round.round.digest, part));
        let batch = self.campaign.add_batch(round.id, part, &name)?;
        self.campaign.assign(&ids, Some(batch.id))?;
        Ok(batch)
    }

    /// Creates a batch that may exist: asks first.
    fn make(&mut self, batch: &mut BatchRow) -> Result<(), SubmitError> {
        match self.look_up(&batch.name)? {
            Found::Ours(reply) => self.adopt(batch, &reply),
            Found::Nothing | Found::Foreign => self.create(batch),
        }
    }

    /// Makes a batch that was seen not to exist. Whatever the reply, the oldest batch of that name is the one: so two
    /// processes agree, and `query_batch2`, which knows names only, finds it.
    fn create(&mut self, batch: &mut BatchRow) -> Result<(), SubmitError> {
        let mut failures = failures();
        let mut renamed = 0;
        let mut made = None;
        loop {
            self.link.check_interrupted()?;
            let _attempt = failures.attempt();
            if made.is_none() {
                match self.link.client.create_batch(&self.app_name, &batch.name) {
                    Ok(id) => made = Some(id),
                    Err(error) if error.maybe_done() || error.try_again() => {
                        self.link.wait("create a batch", &mut failures, error)?;
                    }
                    Err(source) => return Err(SubmitError::Project { doing: "create a batch", source }),
                }
            }
            match self.look_up(&batch.name)? {
                Found::Ours(reply) => {
                    if let Some(id) = made.filter(|id| *id != reply.id) {
                        self.retire_empty(id);
                    }
                    return self.adopt(batch, &reply);
                }
                // Making another one would not help: that would not be found either.
                Found::Nothing if made.is_some() => {
                    let error = ProjectError::NoSuchBatch { batch: batch.name.clone() };
                    self.link.wait("find the batch that was created", &mut failures, error)?;
                }
                Found::Nothing => {}
                Found::Foreign if renamed < NAMES => {
                    renamed += 1;
                    if let Some(id) = made.take() {
                        self.retire_empty(id);
                    }
                    batch.name.push_str(".x");
                    self.campaign.save_batch(batch)?;
                }
                Found::Foreign => {
                    let source = ProjectError::NotOwner { request: "create_batch".to_owned() };
                    return Err(SubmitError::Project { doing: "find a free name for a batch", source });
                }
            }
        }
    }

    /// A second batch of a name, which another process was quicker with: it would stand in the user's list for ever.
    fn retire_empty(&self, id: BatchId) {
        // If that fails there is an empty batch more, which hurts nobody.
        let _ = self.link.client.retire_batch(id);
    }

    /// Learns what the server has of a batch that exists.
    fn synchronise(&mut self, batch: &mut BatchRow) -> Result<(), SubmitError> {
        let reply = self.ask(batch)?;
        self.adopt(batch, &reply)
    }

    fn ask(&self, batch: &BatchRow) -> Result<BatchReply, SubmitError> {
        let key = BatchKey::Id(server_id(batch));
        self.link.persist("query a batch", || self.link.client.batch(&key, Details::Without))
    }

    /// Submits the jobs of a batch that the server does not have.
    fn fill(&mut self, round: &RoundRow, batch: &mut BatchRow) -> Result<(), SubmitError> {
        let app_name = Arc::clone(&self.app_name);
        let mut failures = failures();
        let mut before = usize::MAX;
        while batch.stage == Stage::Created {
            self.link.check_interrupted()?;
            let _attempt = failures.attempt();
            let waiting = self.campaign.workunits_of(batch.id, Filled::Waiting)?;
            if waiting.len() < before {
                failures.reset();
                before = waiting.len();
                self.associate(round, batch, &waiting)?;
            }
            let submission = submission(&app_name, &round.round, waiting.iter().map(|row| &row.new));
            let submitted = if waiting.is_empty() {
                self.link.client.start_batch(server_id(batch), &app_name)
            } else {
                self.link.client.submit_batch(server_id(batch), &submission)
            };
            let error = match submitted {
                Ok(()) => {
                    self.confirm(batch, &waiting)?;
                    break;
                }
                Err(error) => error,
            };
            match error {
                ProjectError::RequestTooLarge { .. } => self.submit_less(&submission, &waiting)?,
                ProjectError::AbsentInput { .. } => {
                    self.link.wait("submit jobs", &mut failures, error)?;
                    self.associate(round, batch, &waiting)?;
                }
                ProjectError::DuplicateWorkunit { ref name } => {
                    let name = name.clone();
                    self.link.wait("submit jobs", &mut failures, error)?;
                    self.synchronise(batch)?;
                    self.find_workunit(round, batch, &name)?;
                }
                // It is about the jobs themselves; those before the refused one may have been made.
                error @ ProjectError::CreateWork { .. } if !error.try_again() => {
                    self.synchronise(batch)?;
                    let left = self.campaign.workunits_of(batch.id, Filled::Waiting)?.len();
                    if batch.stage == Stage::Created && left == waiting.len() {
                        return Err(SubmitError::Project { doing: "submit jobs", source: error });
                    }
                }
                ProjectError::WrongBatchState => {
                    self.link.wait("submit jobs", &mut failures, error)?;
                    self.synchronise(batch)?;
                }
                error if error.maybe_done() || error.try_again() => {
                    self.link.wait("submit jobs", &mut failures, error)?;
                    self.synchronise(batch)?;
                }
                source => return Err(SubmitError::Project { doing: "submit jobs", source }),
            }
        }
        let jobs = self.campaign.workunits_of(batch.id, Filled::All)?.len();
        self.link.reporter.report(Event::Submitted { batch: &batch.name, jobs });
        Ok(())
    }

    /// Looks whether jobs that the server says it has made are there: with a template that it could not write it says so of
    /// jobs that it did not make. Their ids on the server are learned besides.
    fn confirm(&mut self, batch: &mut BatchRow, submitted: &[WorkunitRow]) -> Result<(), SubmitError> {
        let reply = self.ask(batch)?;
        self.note(batch, &reply)?;
        let ids: HashSet<i64> = submitted.iter().map(|workunit| workunit.id).collect();
        let left = self.campaign.unassigned(batch.round)?;
        match left.iter().filter(|workunit| ids.contains(&workunit.id)).count() {
            0 => Ok(()),
            missing => {
                Err(SubmitError::NotMade { name: batch.name.clone(), missing, submitted: submitted.len() })
            }
        }
    }

    /// The physical name of the rule file that the server's validator will look for: no job lists it, and it must be there
    /// when the first results come back. Campaigns of an older `buoy` have none.
    fn rule_file(&self, jobs: &[WorkunitRow]) -> Result<Option<String>, SubmitError> {
        let name: Option<WorkunitName> = jobs.first().and_then(|job| job.new.name.parse().ok());
        let Some(name) = name else { return Ok(None) };
        let file = validators::submitter_rules::physical_name(name.hash());
        Ok(self.campaign.has_file(&file)?.then_some(file))
    }

    /// The server takes less than was sent: half of the jobs go into another batch.
    fn submit_less(
        &mut self,
        submission: &Submission<'_>,
        waiting: &[WorkunitRow],
    ) -> Result<(), SubmitError> {
        let bytes = submission.request_bytes();
        if waiting.len() < 2 || !self.limits.refused_bytes(bytes) {
            let job = waiting.first().map_or_else(String::new, |workunit| workunit.new.job.clone());
            return Err(SubmitError::JobTooLarge { job, bytes });
        }
        self.limits.save(self.campaign)?;
        let moved: Vec<i64> = waiting[waiting.len() / 2..].iter().map(|workunit| workunit.id).collect();
        self.campaign.assign(&moved, None)?;
        let (request_bytes, files) = (self.limits.request_bytes, self.limits.files);
        self.link.reporter.report(Event::ServerLimit { request_bytes, files });
        Ok(())
    }

    /// A job's name is taken. If it is not in this batch it must be in another of the round, which another process
    /// has made since.
    fn find_workunit(&mut self, round: &RoundRow, batch: &BatchRow, name: &str) -> Result<(), SubmitError> {
        let waits = |this: &Self| -> Result<bool, SubmitError> {
            let waiting = this.campaign.workunits_of(batch.id, Filled::Waiting)?;
            Ok(waiting.iter().any(|workunit| workunit.new.name == name))
        };
        if !waits(self)? {
            return Ok(());
        }
        self.discover(round)?;
        match waits(self)? {
            true => Err(SubmitError::ForeignWorkunit { name: name.to_owned() }),
            false => Ok(()),
        }
    }

    /// Associates a batch with its files, and uploads those that were removed from the server since it was asked.
    fn associate(
        &mut self,
        round: &RoundRow,
        batch: &BatchRow,
        waiting: &[WorkunitRow],
    ) -> Result<(), SubmitError> {
        let rule = self.rule_file(waiting)?;
        let names: Vec<&str> = names(round, waiting).into_iter().chain(rule.as_deref()).collect();
        let mut absent = self.link.associate(server_id(batch), &names)?;
        let mut tries = 0;
        while !absent.is_empty() {
            tries += 1;
            if tries > NAMES {
                let source = ProjectError::AbsentInput { name: absent[0].to_owned() };
                return Err(SubmitError::Project { doing: "keep files on the server", source });
            }
            self.upload_missing(&absent.iter().copied().collect())?;
            absent = self.link.associate(server_id(batch), &absent)?;
        }
        Ok(())
    }
}

/// Physical names of all files that these jobs need, each once.
fn names<'n>(round: &'n RoundRow, jobs: &'n [WorkunitRow]) -> BTreeSet<&'n str> {
    let own = jobs.iter().flat_map(|workunit| &workunit.new.inputs.0);
    round.round.inputs.0.iter().chain(own).map(String::as_str).collect()
}

fn server_id(batch: &BatchRow) -> BatchId {
    BatchId(batch.server_id.and_then(|id| u64::try_from(id).ok()).unwrap_or_default())
}

//! Jobs on the emulated server: the next step of each, and the effect of the daemons' replies.

use super::{LocalError, Runner, Turn};
use crate::campaign::bounds::Bounds;
use crate::campaign::cause::Subject;
use crate::campaign::event::Event;
use crate::campaign::workunit::{Outcome, ResultState, ValidateState, WorkunitState};
use crate::campaign::{JobRecord, ResultRecord};
use crate::local::daemons::{Candidate, Reply, Request};
use crate::local::keep;
use crate::local::transitioner::transition;
use crate::local::{prepare, rejected, slot};

impl Runner<'_> {
    /// Takes the next step of a job, which its rows alone determine.
    pub(super) fn advance(&mut self, at: usize, turn: Turn) -> Result<(), LocalError> {
        if self.asked.contains(&at) || self.stuck.contains(&at) {
            return Ok(());
        }
        self.transition(at, turn);
        let job = &self.parts.jobs[at];
        let candidate = |n: u32| Candidate {
            n,
            outputs: prepare::outputs(self.parts.plan, &job.wu_name, n)
                .into_iter()
                .map(|output| output.physical_name)
                .collect(),
        };
        let unchecked: Vec<u32> = job
            .current()
            .filter(|result| result.state == ResultState::Over(Outcome::Success(ValidateState::Init)))
            .map(|result| result.n)
            .collect();
        let request = match (job.canonical, job.assimilated) {
            (Some(n), false) => Some(Request::Assimilate { wu_id: job.id, canonical: candidate(n) }),
            (None, false) if !job.errors.is_empty() => Some(Request::AssimilateError {
                wu_id: job.id,
                wu_name: job.wu_name.clone(),
                errors: job.errors,
            }),
            (Some(n), true) if !unchecked.is_empty() => Some(Request::CheckLate {
                late: unchecked.into_iter().map(candidate).collect(),
                canonical: candidate(n),
            }),
            (None, false) if self.wants_validation(at) => Some(Request::CheckSet {
                viable: viable(job).into_iter().map(candidate).collect(),
                replication: self.parts.prepared.replication,
                target_nresults: job.target_nresults,
            }),
            _ => None,
        };
        match request {
            Some(request) => {
                // An interrupted run may not have uploaded all outputs.
                for n in viable(&self.parts.jobs[at]) {
                    let outputs = prepare::outputs(self.parts.plan, &self.parts.jobs[at].wu_name, n);
                    slot::upload(&self.parts.client.layout, &outputs)?;
                }
                self.flush()?;
                self.asked.insert(at);
                self.parts.requests.send((at, request)).map_err(|_| LocalError::DaemonsGone)
            }
            None => Ok(()),
        }
    }

    pub(super) fn states(&self, at: usize) -> (WorkunitState, Vec<ResultState>) {
        let job = &self.parts.jobs[at];
        let workunit = WorkunitState {
            replication: self.parts.prepared.replication,
            target_nresults: job.target_nresults,
            errors: job.errors,
            canonical: job.canonical,
        };
        (workunit, job.current().map(|result| result.state).collect())
    }

    pub(super) fn wants_validation(&self, at: usize) -> bool {
        let (workunit, states) = self.states(at);
        transition(&workunit, &states).validate
    }

    /// Creates new results, or fails the job.
    pub(super) fn transition(&mut self, at: usize, turn: Turn) {
        let (workunit, states) = self.states(at);
        let next = transition(&workunit, &states);
        let job = &mut self.parts.jobs[at];
        if next.errors != job.errors && job.canonical.is_none() {
            job.errors = next.errors;
            job.cause = job.most_informative().and_then(|result| result.cause.clone());
            self.dirty.insert(at);
        }
        if !job.errors.is_empty() || job.canonical.is_some() {
            for result in &mut job.results {
                match result.state {
                    ResultState::Unsent => result.state = ResultState::Over(Outcome::DidntNeed),
                    ResultState::Over(Outcome::Success(
                        ValidateState::Init | ValidateState::Inconclusive,
                    )) if job.canonical.is_none() => {
                        result.state = ResultState::Over(Outcome::Success(ValidateState::NoCheck));
                    }
                    _ => continue,
                }
                self.dirty.insert(at);
            }
            return;
        }
        for _ in 0..next.new_results {
            let n = job.results.len() as u32;
            job.results.push(ResultRecord::unsent(n));
            self.dirty.insert(at);
            match turn {
                Turn::Last => self.ready.push_back((at, n)),
                Turn::Next => self.ready.push_front((at, n)),
            }
        }
    }

    /// Applies a reply of the daemons.
    pub(super) fn replied(&mut self, at: usize, reply: Reply) -> Result<(), LocalError> {
        self.asked.remove(&at);
        self.dirty.insert(at);
        match reply {
            Reply::Checked { validation, remark } => {
                let job = &mut self.parts.jobs[at];
                for (n, outcome) in &validation.outcomes {
                    let found = job.results.iter_mut().find(|result| result.n == *n);
                    let Some(result) = found else { continue };
                    result.state = ResultState::Over(*outcome);
                    if matches!(
                        outcome,
                        Outcome::ValidateError
                            | Outcome::Success(ValidateState::Invalid | ValidateState::Inconclusive)
                    ) {
                        result.cause = remark.clone();
                    }
                }
                if job.canonical.is_none() {
                    job.canonical = validation.canonical;
                    job.target_nresults = job.target_nresults.max(validation.target_nresults);
                    job.errors |= validation.errors;
                    if !validation.errors.is_empty() {
                        job.cause = remark;
                    }
                }
            }
            Reply::Assimilated => {
                self.parts.jobs[at].assimilated = true;
                self.flush()?;
            }
            Reply::AssimilatorFailed { remark } => {
                self.stuck.insert(at);
                let text = format!(
                    "failed to assimilate {}, the next run retries it: {remark}",
                    self.parts.jobs[at].name
                );
                self.note(&text);
            }
        }
        self.advance(at, Turn::Next)?;
        self.finish_if_complete(at)
    }

    /// Finishes a job that has ended and has no result in progress: places its log, cleans up, reports it.
    pub(super) fn finish_if_complete(&mut self, at: usize) -> Result<(), LocalError> {
        let job = &self.parts.jobs[at];
        let busy = self.asked.contains(&at)
            || job
                .results
                .iter()
                .any(|result| matches!(result.state, ResultState::Unsent | ResultState::InProgress));
        if !job.state().is_finished() || busy {
            return Ok(());
        }
        let log_tail = self.settle(job)?;
        self.finished += 1;
        let layout = &self.parts.client.layout;
        let app = &self.parts.plan.app;
        let bounds = Bounds::of_app(app);
        let failure = job.failure(&Subject { program: &app.name, bounds });
        self.parts.reporter.report(Event::JobFinished {
            job: &job.name,
            state: job.state(),
            exit_status: job.most_informative().and_then(|result| result.exit_status),
            cause_kind: failure.as_ref().map(|cause| cause.kind),
            cause: failure.as_ref().map(|cause| cause.text.as_str()),
            log_tail: if failure.is_some() { &log_tail } else { "" },
            finished: self.finished,
            jobs: self.parts.jobs.iter().filter(|job| job.in_plan).count(),
        });
        if let Some(rejected) = rejected::explain(&self.parts.plan.app, layout, job) {
            let kept: Vec<String> = rejected.kept.iter().map(|dir| dir.display().to_string()).collect();
            let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
            self.parts.reporter.report(Event::Rejected {
                job: &job.name,
                kept: &kept,
                explanation: &rejected.explanation,
            });
        }
        Ok(())
    }

    /// Cleans up after a finished job and places its log in its directory; the log's last lines.
    pub(super) fn settle(&self, job: &JobRecord) -> Result<String, LocalError> {
        let layout = &self.parts.client.layout;
        keep::settle_outputs(layout, job, |n| prepare::outputs(self.parts.plan, &job.wu_name, n))?;
        keep::remove_note(layout, job)?;
        Ok(keep::place_log(layout, job)?)
    }
}

/// Results that may become canonical: those that succeeded and were not found invalid.
pub(super) fn viable(job: &JobRecord) -> Vec<u32> {
    job.current()
        .filter(|result| {
            matches!(result.state, ResultState::Over(Outcome::Success(state)) if state != ValidateState::Invalid)
        })
        .map(|result| result.n)
        .collect()
}

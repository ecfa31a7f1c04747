//! A local campaign under way: the one loop that plays BOINC's client and its server's transitioner.
//!
//! Everything that happens arrives as an event on one channel: the end of a wrapper's process, an answer of the
//! daemons, a signal. What is to be done follows from the rows of the campaign alone, so that a killed run goes on
//! from the file: rows are written before anything that can't be done twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use wrapper::wire::slot::{LockError, SlotLock};

use super::daemons::{Candidate, Reply, Request};
use super::exit::{self, Asked, Ending, Failure, ProcessEnd};
use super::files::FileError;
use super::init::{self, Client, TaskFacts};
use super::limits::Limits;
use super::prepare::{self, Prepared};
use super::slot;
use super::task::{Start, Task};
use super::transitioner::transition;
use crate::campaign::{Campaign, CampaignError, JobRecord, JobStatus, ResultRecord, state_word};
use crate::plan::Plan;
use crate::progress::{Event, Reporter};
use crate::results;
use crate::workunit::{Outcome, ResultState, ValidateState, WorkunitState};

/// The client looks after its tasks once a second.
const TICK: Duration = Duration::from_secs(1);

/// How often a slot is tried that an earlier wrapper is still leaving.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// An earlier wrapper that has not left its slot after so long never will.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// The run can't go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The campaign file failed.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Init data could not be written.
    #[error("{}: cannot write it", .path.display())]
    InitData {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Shims and wrappers are other processes; a thread of ours that talks to them is gone.
    #[error("the thread that runs the daemons has ended; this is a defect of buoy")]
    DaemonsGone,
}

/// What happens while a campaign runs.
#[derive(Debug)]
pub enum Happening {
    /// A wrapper's process has ended.
    Ended {
        /// Its slot.
        slot: u32,
        /// How.
        end: ProcessEnd,
    },
    /// The daemons answered.
    Answered {
        /// Index of the job.
        job: usize,
        /// What they said.
        reply: Reply,
    },
    /// The user wants it to stop.
    Interrupted,
}

/// What becomes of slots when a result is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// They are emptied.
    Empty,
    /// They are kept to be looked at.
    Keep,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Jobs collected.
    pub done: usize,
    /// Jobs given up.
    pub failed: usize,
    /// Jobs of the plan that are not over.
    pub left: usize,
    /// The user stopped it.
    pub interrupted: bool,
}

/// Everything a runner works with.
pub struct Parts<'a> {
    /// What is to be run.
    pub plan: &'a Plan,
    /// The same, made ready.
    pub prepared: &'a Prepared,
    /// The emulated client.
    pub client: &'a Client,
    /// The campaign file.
    pub campaign: &'a mut Campaign,
    /// Its rows.
    pub jobs: Vec<JobRecord>,
    /// How many results run at a time.
    pub slots: u32,
    /// What becomes of them.
    pub keep: Slots,
    /// Shows what happens.
    pub reporter: &'a mut dyn Reporter,
    /// Where wrappers' ends, answers and signals arrive.
    pub happenings: Receiver<Happening>,
    /// Its other end.
    pub happen: Sender<Happening>,
    /// To the daemons: the job's index and the request.
    pub requests: Sender<(usize, Request)>,
}

/// A slot in use.
struct Occupant {
    job: usize,
    n: u32,
    phase: Phase,
}

enum Phase {
    Running(Box<Task>),
    /// To be started (again) then.
    Waiting {
        until: Instant,
        since: Instant,
    },
}

/// A slot whose wrapper has ended and that is still to be looked at. The next result is started first, in another
/// slot, so that the engine does not wait for our bookkeeping.
struct Ended {
    slot: u32,
    job: usize,
    n: u32,
    task: Box<Task>,
    end: ProcessEnd,
    elapsed_seconds: f64,
}

/// Runs a campaign to its end.
pub struct Runner<'a> {
    parts: Parts<'a>,
    slots: BTreeMap<u32, Occupant>,
    ended: VecDeque<Ended>,
    ready: VecDeque<(usize, u32)>,
    /// Jobs that the daemons are busy with.
    asked: BTreeSet<usize>,
    /// Jobs that the daemons can't do anything with in this run.
    stuck: BTreeSet<usize>,
    dirty: BTreeSet<usize>,
    stopping: bool,
    killed: bool,
    over: usize,
}

impl<'a> Runner<'a> {
    /// Takes up the work where the rows say it was left.
    pub fn new(parts: Parts<'a>) -> Self {
        let over = parts.jobs.iter().filter(|job| job.in_plan && job.status().is_over()).count();
        Self {
            parts,
            slots: BTreeMap::new(),
            ended: VecDeque::new(),
            ready: VecDeque::new(),
            asked: BTreeSet::new(),
            stuck: BTreeSet::new(),
            dirty: BTreeSet::new(),
            stopping: false,
            killed: false,
            over,
        }
    }

    /// Runs until nothing is left to do or the user stops it. Afterwards no wrapper runs and no slot is in use, also
    /// after an error.
    pub fn run(mut self) -> (Vec<JobRecord>, Result<Outlook, RunError>) {
        let done = self.take_up().and_then(|()| self.serve());
        let done = match done {
            Ok(()) => Ok(()),
            Err(error) => {
                self.stop();
                // The first error is the one that matters.
                let _ = self.serve();
                Err(error)
            }
        };
        let count =
            |status| self.parts.jobs.iter().filter(|job| job.in_plan && job.status() == status).count();
        let (done_jobs, failed) = (count(JobStatus::Done), count(JobStatus::Failed));
        let in_plan = self.parts.jobs.iter().filter(|job| job.in_plan).count();
        let outlook = Outlook {
            done: done_jobs,
            failed,
            left: in_plan - done_jobs - failed,
            interrupted: self.stopping,
        };
        (self.parts.jobs, done.map(|()| outlook))
    }

    /// The results that an earlier run left in slots, and what every job needs next.
    fn take_up(&mut self) -> Result<(), RunError> {
        let now = Instant::now();
        for at in 0..self.parts.jobs.len() {
            let job = &mut self.parts.jobs[at];
            let runnable = self.parts.prepared.job(self.parts.plan, job).is_some();
            for result in job.results.iter_mut().filter(|result| result.state == ResultState::InProgress) {
                let slot = result.slot.filter(|slot| runnable && !self.slots.contains_key(slot));
                let slot = slot.filter(|slot| self.parts.client.layout.slot(*slot).exists());
                match slot {
                    Some(slot) => {
                        let phase = Phase::Waiting { until: now, since: now };
                        self.slots.insert(slot, Occupant { job: at, n: result.n, phase });
                    }
                    None => {
                        *result = ResultRecord::unsent(result.n);
                        self.dirty.insert(at);
                    }
                }
            }
        }
        self.parts.reporter.report(Event::Begun {
            jobs: self.parts.jobs.iter().filter(|job| job.in_plan).count(),
            finished_before: self.over,
            going_on: self.slots.len(),
            slots: self.parts.slots,
            engine: &self.engine(),
            results: self.parts.client.layout.results(),
        });
        self.remove_strange_slots()?;
        self.finish_before()?;
        for at in 0..self.parts.jobs.len() {
            if self.parts.prepared.job(self.parts.plan, &self.parts.jobs[at]).is_none() {
                continue;
            }
            let waiting: Vec<u32> = self.parts.jobs[at]
                .results
                .iter()
                .filter(|result| result.state == ResultState::Unsent)
                .map(|result| result.n)
                .collect();
            self.ready.extend(waiting.into_iter().map(|n| (at, n)));
            self.advance(at, Turn::Last)?;
        }
        self.flush()
    }

    fn engine(&self) -> String {
        let engine = &self.parts.client.engine;
        format!("{} {}", super::engine::program(engine.kind), engine.version)
    }

    /// A run that was cut short may not have come to the last step of a job that is over.
    fn finish_before(&self) -> Result<(), RunError> {
        let layout = &self.parts.client.layout;
        let is_over = |job: &&JobRecord| job.in_plan && job.status().is_over();
        for job in self.parts.jobs.iter().filter(is_over) {
            if !results::has_log(layout, job) {
                results::place_log(layout, job)?;
            }
        }
        Ok(())
    }

    fn remove_strange_slots(&self) -> Result<(), RunError> {
        let dir = self.parts.client.layout.slots();
        let entries = std::fs::read_dir(&dir).map_err(FileError::at(&dir, "read it"))?;
        for entry in entries.filter_map(Result::ok) {
            let number = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if number.is_none_or(|number| !self.slots.contains_key(&number)) {
                slot::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn serve(&mut self) -> Result<(), RunError> {
        let mut next_tick = Instant::now() + TICK;
        loop {
            self.start_waiting()?;
            self.fill_slots()?;
            if let Some(ended) = self.ended.pop_front() {
                self.look_at(ended)?;
                continue;
            }
            self.flush()?;
            if self.is_finished() {
                return Ok(());
            }
            let until = self.slots.values().filter_map(Occupant::waits_until).fold(next_tick, Instant::min);
            let patience = until.saturating_duration_since(Instant::now());
            match self.parts.happenings.recv_timeout(patience) {
                Ok(Happening::Ended { slot, end }) => self.ended(slot, end),
                Ok(Happening::Answered { job, reply }) => self.answered(job, reply)?,
                Ok(Happening::Interrupted) => self.interrupted(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(RunError::DaemonsGone),
            }
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(now);
            }
        }
    }

    fn is_finished(&self) -> bool {
        self.slots.is_empty()
            && self.ended.is_empty()
            && self.asked.is_empty()
            && (self.stopping || self.ready.is_empty())
    }

    fn tick(&mut self, now: Instant) {
        for (slot, occupant) in &mut self.slots {
            let Phase::Running(task) = &mut occupant.phase else { continue };
            task.tick(now);
            let job = &mut self.parts.jobs[occupant.job];
            // A client keeps these too, for the case that it is killed.
            if let Some(result) = job.results.iter_mut().find(|result| result.n == occupant.n) {
                result.elapsed_seconds = task.elapsed_seconds();
                result.cpu_seconds = task.cpu_seconds();
                result.checkpoint_cpu_seconds = task.checkpoint_cpu_seconds();
                result.peak_bytes = result.peak_bytes.max(task.peak_bytes());
                self.dirty.insert(occupant.job);
            }
            self.parts.reporter.report(Event::Progress {
                job: &job.name,
                result: &job.result_name(occupant.n),
                slot: *slot,
                fraction_done: task.fraction_done(),
                elapsed_seconds: task.elapsed_seconds(),
                cpu_seconds: task.cpu_seconds(),
            });
        }
    }

    /// The user's first signal asks all tasks to leave, the second one kills them.
    fn interrupted(&mut self) {
        if self.stopping && !self.killed {
            self.killed = true;
            self.note("killing what still runs");
            for occupant in self.slots.values() {
                if let Phase::Running(task) = &occupant.phase {
                    task.kill();
                }
            }
            return;
        }
        if !self.stopping {
            self.note("stopping; what is running will be run again next time (once more: kill it at once)");
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        let waiting: Vec<u32> = self
            .slots
            .iter()
            .filter(|(_, occupant)| matches!(occupant.phase, Phase::Waiting { .. }))
            .map(|(slot, _)| *slot)
            .collect();
        for slot in waiting {
            if let Some(occupant) = self.slots.remove(&slot) {
                self.put_back(slot, occupant.job, occupant.n);
            }
        }
        for occupant in self.slots.values_mut() {
            if let Phase::Running(task) = &mut occupant.phase {
                task.abort(Asked::Stop);
            }
        }
    }

    /// A result that was stopped is run from the start some other day.
    fn put_back(&mut self, slot: u32, at: usize, n: u32) {
        if let Some(result) = self.result_mut(at, n) {
            *result = ResultRecord::unsent(n);
        }
        // A slot that can't be removed now is removed when the campaign is taken up again.
        let _ = slot::remove(&self.parts.client.layout.slot(slot));
    }

    fn fill_slots(&mut self) -> Result<(), RunError> {
        while !self.stopping && (self.slots.len() as u32) < self.parts.slots {
            let Some((at, n)) = self.ready.pop_front() else { return Ok(()) };
            let still_wanted =
                self.parts.jobs[at].result(n).is_some_and(|result| result.state == ResultState::Unsent);
            if !still_wanted {
                continue;
            }
            let in_use = |slot: &u32| {
                self.slots.contains_key(slot) || self.ended.iter().any(|ended| ended.slot == *slot)
            };
            let slot = (0..).find(|slot| !in_use(slot)).expect("there are enough numbers");
            if let Some(result) = self.result_mut(at, n) {
                result.state = ResultState::InProgress;
                result.slot = Some(slot);
                result.started = Some(init::now());
            }
            self.flush()?;
            slot::remove(&self.parts.client.layout.slot(slot))?;
            let now = Instant::now();
            self.slots
                .insert(slot, Occupant { job: at, n, phase: Phase::Waiting { until: now, since: now } });
            self.start(slot)?;
        }
        Ok(())
    }

    fn start_waiting(&mut self) -> Result<(), RunError> {
        let now = Instant::now();
        let due: Vec<u32> = self
            .slots
            .iter()
            .filter(|(_, occupant)| occupant.waits_until().is_some_and(|until| until <= now))
            .map(|(slot, _)| *slot)
            .collect();
        due.into_iter().try_for_each(|slot| self.start(slot))
    }

    /// Starts the wrapper in a slot, for the first time or again.
    fn start(&mut self, slot: u32) -> Result<(), RunError> {
        let Some(occupant) = self.slots.get_mut(&slot) else { return Ok(()) };
        let (at, n) = (occupant.job, occupant.n);
        let client = self.parts.client;
        let dir = client.layout.slot(slot);
        if let Phase::Waiting { until, since } = &mut occupant.phase {
            // A killed run's wrapper may still be on its way out of the slot.
            match SlotLock::try_acquire(&dir) {
                Err(LockError::Held { .. }) if since.elapsed() < LOCK_PATIENCE => {
                    *until = Instant::now() + LOCK_RETRY;
                    return Ok(());
                }
                _ => {}
            }
        }
        let record = &self.parts.jobs[at];
        let Some(job) = self.parts.prepared.job(self.parts.plan, record) else { return Ok(()) };
        let Some(result) = record.result(n) else { return Ok(()) };
        let result_name = record.result_name(n);
        let outputs = prepare::outputs(self.parts.plan, &record.wu_name, n);
        let mut notes = Vec::new();
        let inputs =
            self.parts.prepared.inputs(self.parts.plan, job, &client.layout, &mut |path, bytes| {
                notes.push(copied_note(path, bytes));
            })?;
        slot::set_up(&client.layout, &dir, &self.parts.prepared.app_files, &inputs, &outputs)?;
        let resources = &self.parts.plan.app.resources;
        let facts = TaskFacts {
            wu_name: &record.wu_name,
            result_name: &result_name,
            slot,
            cpu_before: result.checkpoint_cpu_seconds,
            elapsed_before: result.elapsed_seconds,
            sent: result.started.unwrap_or_else(init::now),
        };
        let path = dir.join(wrapper::wire::init_data::INIT_DATA_FILE);
        std::fs::write(&path, client.init_data(resources, facts).render())
            .map_err(|source| RunError::InitData { path, source })?;
        let happen = self.parts.happen.clone();
        let again = result.elapsed_seconds > 0.0 || result.restarts != Default::default();
        let started = Task::start(
            &Start {
                layout: &client.layout,
                slot,
                program: &self.parts.prepared.program,
                args: &wrapper::argv::split_command_line(&job.command_line),
                limits: Limits::new(
                    resources.flops_bound,
                    resources.cpus,
                    resources.disk_bytes,
                    client.host.memory_bytes,
                ),
                elapsed_before: result.elapsed_seconds,
                cpu_before: result.checkpoint_cpu_seconds,
            },
            // The runner waits for every task it has started, so the channel is there.
            move |end| drop(happen.send(Happening::Ended { slot, end })),
        );
        for note in notes {
            self.note(&note);
        }
        match started {
            Ok(task) => {
                self.parts.reporter.report(Event::Started {
                    job: &self.parts.jobs[at].name,
                    result: &result_name,
                    slot,
                    again,
                });
                if let Some(occupant) = self.slots.get_mut(&slot) {
                    occupant.phase = Phase::Running(Box::new(task));
                }
                Ok(())
            }
            Err(error) => {
                let cause = format!("couldn't start app: {error}: {}", error.source);
                let failure = Failure { exit_status: exit::status::COULD_NOT_START, cause };
                self.slots.remove(&slot);
                self.result_over(slot, at, n, Some(failure))
            }
        }
    }

    /// A wrapper's process has ended.
    fn ended(&mut self, slot: u32, end: ProcessEnd) {
        if let Some(Occupant { job, n, phase: Phase::Running(task) }) = self.slots.remove(&slot) {
            let elapsed_seconds = task.elapsed_seconds();
            let record = &self.parts.jobs[job];
            self.parts.reporter.report(Event::Left {
                job: &record.name,
                result: &record.result_name(n),
                slot,
            });
            self.ended.push_back(Ended { slot, job, n, task, end, elapsed_seconds });
        }
    }

    /// Judges the end of a wrapper.
    fn look_at(&mut self, ended: Ended) -> Result<(), RunError> {
        let Ended { slot, job: at, n, mut task, end, elapsed_seconds } = ended;
        let (farewell, asked) = task.farewell();
        let Some(result) = self.result_mut(at, n) else { return Ok(()) };
        result.elapsed_seconds = elapsed_seconds;
        result.cpu_seconds = task.cpu_seconds();
        result.checkpoint_cpu_seconds = task.checkpoint_cpu_seconds();
        result.peak_bytes = result.peak_bytes.max(task.peak_bytes());
        match exit::judge(end, &farewell, &asked, &mut result.restarts) {
            Ending::Finished => self.result_over(slot, at, n, None),
            Ending::Failed(failure) => self.result_over(slot, at, n, Some(failure)),
            Ending::Stopped => {
                self.put_back(slot, at, n);
                Ok(())
            }
            Ending::Restart { .. } if self.stopping => {
                self.put_back(slot, at, n);
                Ok(())
            }
            Ending::Restart { after, why } => {
                let now = Instant::now();
                let phase = Phase::Waiting { until: now + after, since: now + after };
                self.slots.insert(slot, Occupant { job: at, n, phase });
                let job = &self.parts.jobs[at];
                self.parts.reporter.report(Event::Restarting {
                    job: &job.name,
                    result: &job.result_name(n),
                    slot,
                    after_seconds: after.as_secs_f64(),
                    why: &why,
                });
                Ok(())
            }
        }
    }

    /// A result is over: finished, or failed.
    fn result_over(
        &mut self,
        slot: u32,
        at: usize,
        n: u32,
        failure: Option<Failure>,
    ) -> Result<(), RunError> {
        let layout = &self.parts.client.layout;
        let dir = layout.slot(slot);
        let outputs = prepare::outputs(self.parts.plan, &self.parts.jobs[at].wu_name, n);
        let result_name = self.parts.jobs[at].result_name(n);
        results::keep_log(&dir, &layout.log(&result_name))?;
        let failure = failure
            .or_else(|| slot::check_outputs(layout, &outputs).map(|cause| Failure { exit_status: 0, cause }));
        let failed = failure.is_some();
        if let Some(result) = self.result_mut(at, n) {
            result.slot = None;
            result.exit_status = Some(failure.as_ref().map_or(0, |failure| failure.exit_status));
            result.cause = failure.map(|failure| failure.cause);
            result.state = ResultState::Over(if failed {
                Outcome::ClientError
            } else {
                Outcome::Success(ValidateState::Init)
            });
        }
        // From here on the result counts: what follows is done again if it was cut short.
        self.flush()?;
        let layout = &self.parts.client.layout;
        if failed {
            slot::discard_outputs(layout, &outputs)?;
        } else {
            slot::upload(layout, &outputs)?;
        }
        if self.parts.keep == Slots::Keep {
            results::keep_slot(&dir, &layout.kept(&result_name))?;
        }
        slot::remove(&dir)?;
        let job = &self.parts.jobs[at];
        if let Some(result) = job.result(n) {
            self.parts.reporter.report(Event::ResultOver {
                job: &job.name,
                result: &result_name,
                slot,
                state: state_word(result.state),
                exit_status: result.exit_status,
                cause: result.cause.as_deref(),
                elapsed_seconds: result.elapsed_seconds,
                cpu_seconds: result.cpu_seconds,
            });
        }
        self.advance(at, Turn::Next)?;
        self.finish_if_complete(at)
    }

    /// Decides what a job needs next, from its rows alone.
    fn advance(&mut self, at: usize, turn: Turn) -> Result<(), RunError> {
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
                // A run that was cut short may have left outputs of results that count.
                for n in viable(&self.parts.jobs[at]) {
                    let outputs = prepare::outputs(self.parts.plan, &self.parts.jobs[at].wu_name, n);
                    slot::upload(&self.parts.client.layout, &outputs)?;
                }
                self.flush()?;
                self.asked.insert(at);
                self.parts.requests.send((at, request)).map_err(|_| RunError::DaemonsGone)
            }
            None => Ok(()),
        }
    }

    fn states(&self, at: usize) -> (WorkunitState, Vec<ResultState>) {
        let job = &self.parts.jobs[at];
        let workunit = WorkunitState {
            replication: self.parts.prepared.replication,
            target_nresults: job.target_nresults,
            errors: job.errors,
            canonical: job.canonical,
        };
        (workunit, job.current().map(|result| result.state).collect())
    }

    fn wants_validation(&self, at: usize) -> bool {
        let (workunit, states) = self.states(at);
        transition(&workunit, &states).validate
    }

    /// Makes new results, or gives the job up.
    fn transition(&mut self, at: usize, turn: Turn) {
        let (workunit, states) = self.states(at);
        let next = transition(&workunit, &states);
        let job = &mut self.parts.jobs[at];
        if next.errors != job.errors && job.canonical.is_none() {
            job.errors = next.errors;
            job.cause = Some(match job.telling().and_then(|result| result.cause.as_deref()) {
                Some(cause) => format!("{} ({})", cause, next.errors),
                None => next.errors.to_string(),
            });
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

    /// The daemons have answered.
    fn answered(&mut self, at: usize, reply: Reply) -> Result<(), RunError> {
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
                        job.cause = Some(match &remark {
                            Some(remark) => format!("{} ({remark})", job.errors),
                            None => job.errors.to_string(),
                        });
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
                    "{}: not collected, will be tried in the next run: {remark}",
                    self.parts.jobs[at].name
                );
                self.note(&text);
            }
        }
        self.advance(at, Turn::Next)?;
        self.finish_if_complete(at)
    }

    /// A job that is over and has no result under way: its log, its leftovers, the news.
    fn finish_if_complete(&mut self, at: usize) -> Result<(), RunError> {
        let job = &self.parts.jobs[at];
        let busy = self.asked.contains(&at)
            || job
                .results
                .iter()
                .any(|result| matches!(result.state, ResultState::Unsent | ResultState::InProgress));
        if !job.status().is_over() || busy {
            return Ok(());
        }
        let layout = &self.parts.client.layout;
        for result in &job.results {
            let outputs = prepare::outputs(self.parts.plan, &job.wu_name, result.n);
            results::delete_uploads(layout, &outputs)?;
        }
        let log_tail = results::place_log(layout, job)?;
        self.over += 1;
        let telling = job.telling();
        let failed = job.status() == JobStatus::Failed;
        self.parts.reporter.report(Event::JobOver {
            job: &job.name,
            status: job.status().word(),
            exit_status: telling.and_then(|result| result.exit_status),
            cause: job.cause.as_deref().filter(|_| failed),
            log_tail: if failed { &log_tail } else { "" },
            over: self.over,
            jobs: self.parts.jobs.iter().filter(|job| job.in_plan).count(),
        });
        Ok(())
    }

    fn result_mut(&mut self, at: usize, n: u32) -> Option<&mut ResultRecord> {
        self.dirty.insert(at);
        self.parts.jobs[at].results.iter_mut().find(|result| result.n == n)
    }

    /// Writes what has changed, in one transaction.
    fn flush(&mut self) -> Result<(), RunError> {
        if !self.dirty.is_empty() {
            self.parts.campaign.save(self.dirty.iter().map(|&at| &self.parts.jobs[at]))?;
            self.dirty.clear();
        }
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.parts.reporter.report(Event::Note { text });
    }
}

/// Where new results of a job go in the queue.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// Behind all others.
    Last,
    /// Before all others, so that jobs that were begun are finished.
    Next,
}

impl Occupant {
    fn waits_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until, .. } => Some(until),
            Phase::Running(_) => None,
        }
    }
}

/// Results that may become canonical: those that succeeded and were not found invalid.
fn viable(job: &JobRecord) -> Vec<u32> {
    job.current()
        .filter(|result| {
            matches!(result.state, ResultState::Over(Outcome::Success(state)) if state != ValidateState::Invalid)
        })
        .map(|result| result.n)
        .collect()
}

/// Says that a large input had to be copied.
pub fn copied_note(path: &Path, bytes: u64) -> String {
    format!(
        "{}: {:.1} MB copied, since it is on another file system; with --out there nothing is copied",
        path.display(),
        bytes as f64 / 1e6
    )
}

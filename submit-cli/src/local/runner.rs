//! A local campaign under way: the one loop that plays BOINC's client and its server's transitioner.
//!
//! Everything that happens arrives as an event on one channel: the end of a wrapper's process, an answer of the
//! daemons, a signal. What is to be done follows from the rows of the campaign alone, so that a killed run goes on
//! from the file: rows are written before anything that can't be done twice.

mod jobs;
mod slots;

pub(super) use slots::copied_note;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::daemons::{Reply, Request};
use super::exit::{Asked, ProcessEnd};
use super::init::Client;
use super::prepare::Prepared;
use super::slot;
use super::task::Task;
use crate::campaign::event::{Event, Reporter, Started};
use crate::campaign::file_error::FileError;
use crate::campaign::job_view::Counts;
use crate::campaign::workunit::ResultState;
use crate::campaign::{Campaign, CampaignError, JobRecord, ResultRecord};
use crate::local::keep;
use crate::plan::Plan;

/// The client looks after its tasks once a second.
const TICK: Duration = Duration::from_secs(1);

/// How often a slot is tried that an earlier wrapper is still leaving.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// An earlier wrapper that has not left its slot after so long never will.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// So long the daemons may go on with what they were asked when the user wants it to stop.
const DAEMONS_PATIENCE: Duration = Duration::from_secs(2);

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
    /// Jobs of the plan by state.
    pub jobs: Counts,
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
    pub reporter: &'a dyn Reporter,
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
    /// Since when the user wants it to stop.
    stopping: Option<Instant>,
    killed: bool,
    finished: usize,
}

impl<'a> Runner<'a> {
    /// Takes up the work where the rows say it was left.
    pub fn new(parts: Parts<'a>) -> Self {
        let finished = parts.jobs.iter().filter(|job| job.in_plan && job.state().is_finished()).count();
        Self {
            parts,
            slots: BTreeMap::new(),
            ended: VecDeque::new(),
            ready: VecDeque::new(),
            asked: BTreeSet::new(),
            stuck: BTreeSet::new(),
            dirty: BTreeSet::new(),
            stopping: None,
            killed: false,
            finished,
        }
    }

    /// Runs until nothing is left to do or the user stops it. Afterwards no wrapper runs and no slot is in use, also
    /// after an error.
    pub fn run(mut self) -> Result<Outlook, RunError> {
        let done = self.take_up().and_then(|()| self.serve());
        let done = match done {
            Ok(()) => Ok(()),
            Err(error) => {
                self.stop();
                // The first error is the one that matters.
                if self.serve().is_err() {
                    self.kill();
                }
                Err(error)
            }
        };
        // Whatever happened, the campaign file is up to date.
        let noted = self.flush().and_then(|()| self.note_moment());
        let mut jobs = Counts::default();
        for job in self.parts.jobs.iter().filter(|job| job.in_plan) {
            jobs.add(job.state());
        }
        done.and(noted).map(|()| Outlook { jobs, interrupted: self.stopping.is_some() })
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
        self.parts.reporter.report(Event::Started(Started::Run {
            jobs: self.parts.jobs.iter().filter(|job| job.in_plan).count(),
            finished_before: self.finished,
            resumed: self.slots.len(),
            slots: self.parts.slots,
            engine: &self.engine(),
            results: self.parts.client.layout.results(),
        }));
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
        let is_over = |job: &&JobRecord| job.in_plan && job.state().is_finished();
        for job in self.parts.jobs.iter().filter(is_over) {
            if !keep::has_log(layout, job) {
                keep::remove_note(layout, job)?;
                keep::place_log(layout, job)?;
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
                self.note_moment()?;
            }
        }
    }

    fn is_finished(&self) -> bool {
        // What the daemons are still asked at a stop, they are asked again next time.
        let patient = !self.killed && self.stopping.is_none_or(|since| since.elapsed() < DAEMONS_PATIENCE);
        let all_answered = self.asked.is_empty() || !patient;
        let nothing_to_start = self.stopping.is_some() || self.ready.is_empty();
        self.slots.is_empty() && self.ended.is_empty() && all_answered && nothing_to_start
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
        if self.stopping.is_some() && !self.killed {
            self.note("killing what still runs");
            self.kill();
            return;
        }
        if self.stopping.is_none() {
            self.note("stopping; what is running will be run again next time (once more: kill it at once)");
            self.stop();
        }
    }

    fn kill(&mut self) {
        self.killed = true;
        for occupant in self.slots.values() {
            if let Phase::Running(task) = &occupant.phase {
                task.kill();
            }
        }
    }

    fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
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

    /// For the report and the estimate of the time left.
    fn note_moment(&mut self) -> Result<(), RunError> {
        Ok(self.parts.campaign.note_moment(crate::clock::now())?)
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

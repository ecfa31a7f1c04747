//! A running local campaign: one loop emulates BOINC's client and its server's transitioner.
//!
//! All events arrive on one channel: the end of a wrapper's process, a reply of the daemons, a signal. The rows of the
//! campaign alone determine the next step, so a killed run resumes from the file: rows are written before any step that
//! cannot be repeated.

mod jobs;
mod slots;

pub(super) use slots::copied_note;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::daemons::{Reply, Request};
use super::error::LocalError;
use super::exit::ProcessEnd;
use super::init::Client;
use super::prepare::Prepared;
use super::slot;
use super::task::Task;
use crate::campaign::event::{Event, Reporter, Started};
use crate::campaign::file_error::FileError;
use crate::campaign::job_view::Counts;
use crate::campaign::workunit::ResultState;
use crate::campaign::{Campaign, JobRecord, ResultRecord};
use crate::local::keep;
use crate::plan::Plan;

/// The client checks its tasks once a second.
const TICK: Duration = Duration::from_secs(1);

/// Interval between attempts to use a slot that an earlier wrapper has not left yet.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// An earlier wrapper that has not left its slot after this time never will.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the daemons may continue after the user has interrupted the run.
const DAEMONS_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub enum RunEvent {
    /// A wrapper's process has ended.
    Ended {
        slot: u32,
        end: ProcessEnd,
    },
    Replied {
        job: usize,
        reply: Reply,
    },
    /// The user has interrupted the run.
    Interrupted,
}

/// What happens to the slot of a finished result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    Empty,
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSummary {
    /// Jobs of the plan by state.
    pub jobs: Counts,
    /// The user has interrupted it.
    pub interrupted: bool,
}

pub struct Parts<'a> {
    pub plan: &'a Plan,
    pub prepared: &'a Prepared,
    pub client: &'a Client,
    pub campaign: &'a mut Campaign,
    /// The rows of the campaign.
    pub jobs: Vec<JobRecord>,
    /// Number of results that run in parallel.
    pub slots: u32,
    pub keep: Slots,
    pub reporter: &'a dyn Reporter,
    pub events: Receiver<RunEvent>,
    /// The other end of `events`.
    pub event_sender: Sender<RunEvent>,
    /// To the daemons: the job's index and the request.
    pub requests: Sender<(usize, Request)>,
}

struct Occupant {
    job: usize,
    n: u32,
    phase: Phase,
}

enum Phase {
    Running(Box<Task>),
    /// To be started at `until`.
    Waiting {
        until: Instant,
        since: Instant,
    },
}

/// A slot whose wrapper has exited. The next result is started in another slot before this one is processed, so that the
/// engine does not wait.
struct Ended {
    slot: u32,
    job: usize,
    n: u32,
    task: Box<Task>,
    end: ProcessEnd,
    elapsed_seconds: f64,
}

pub struct Runner<'a> {
    parts: Parts<'a>,
    slots: BTreeMap<u32, Occupant>,
    ended: VecDeque<Ended>,
    ready: VecDeque<(usize, u32)>,
    /// Jobs with a request to the daemons.
    asked: BTreeSet<usize>,
    /// Jobs that could not be assimilated in this run.
    stuck: BTreeSet<usize>,
    dirty: BTreeSet<usize>,
    /// When the user interrupted the run.
    stopping: Option<Instant>,
    killed: bool,
    finished: usize,
}

impl<'a> Runner<'a> {
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

    /// Runs until all jobs have finished or the user interrupts. Afterwards no wrapper runs and no slot is in use, also after
    /// an error.
    pub fn run(mut self) -> Result<RunSummary, LocalError> {
        let done = self.resume().and_then(|()| self.note_moment()).and_then(|()| self.serve());
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
        // Also after an error, the campaign file is up to date.
        let noted = self.flush().and_then(|()| self.note_moment());
        let mut jobs = Counts::default();
        for job in self.parts.jobs.iter().filter(|job| job.in_plan) {
            jobs.add(job.state());
        }
        done.and(noted).map(|()| RunSummary { jobs, interrupted: self.stopping.is_some() })
    }

    /// Resumes the results that an earlier run has left in slots, and determines the next step of every job.
    fn resume(&mut self) -> Result<(), LocalError> {
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
        self.remove_unused_slots()?;
        self.finish_earlier()?;
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

    /// An interrupted run may have missed the last step of a finished job.
    fn finish_earlier(&self) -> Result<(), LocalError> {
        let layout = &self.parts.client.layout;
        let is_over = |job: &&JobRecord| job.in_plan && job.state().is_finished();
        for job in self.parts.jobs.iter().filter(is_over) {
            if !keep::has_log(layout, job) {
                self.settle(job)?;
            }
        }
        Ok(())
    }

    fn remove_unused_slots(&self) -> Result<(), LocalError> {
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

    fn serve(&mut self) -> Result<(), LocalError> {
        let mut next_tick = Instant::now() + TICK;
        loop {
            self.start_waiting()?;
            self.fill_slots()?;
            if let Some(ended) = self.ended.pop_front() {
                self.process(ended)?;
                continue;
            }
            self.flush()?;
            if self.is_finished() {
                return Ok(());
            }
            let until = self.slots.values().filter_map(Occupant::waits_until).fold(next_tick, Instant::min);
            let timeout = until.saturating_duration_since(Instant::now());
            match self.parts.events.recv_timeout(timeout) {
                Ok(RunEvent::Ended { slot, end }) => self.ended(slot, end),
                Ok(RunEvent::Replied { job, reply }) => self.replied(job, reply)?,
                Ok(RunEvent::Interrupted) => self.interrupted(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(LocalError::DaemonsGone),
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
        // The next run repeats requests that are open after an interruption.
        let waits_for_daemons =
            !self.killed && self.stopping.is_none_or(|since| since.elapsed() < DAEMONS_TIMEOUT);
        let all_answered = self.asked.is_empty() || !waits_for_daemons;
        let nothing_to_start = self.stopping.is_some() || self.ready.is_empty();
        self.slots.is_empty() && self.ended.is_empty() && all_answered && nothing_to_start
    }

    fn tick(&mut self, now: Instant) {
        for (slot, occupant) in &mut self.slots {
            let Phase::Running(task) = &mut occupant.phase else { continue };
            task.tick(now);
            let job = &mut self.parts.jobs[occupant.job];
            // A client saves these too, in case it is killed.
            if let Some(result) = job.results.iter_mut().find(|result| result.n == occupant.n) {
                result.elapsed_seconds = task.elapsed_seconds();
                result.cpu_seconds = task.cpu_seconds();
                result.checkpoint_cpu_seconds = task.checkpoint_cpu_seconds();
                result.peak_bytes = result.peak_bytes.max(task.peak_bytes());
                self.dirty.insert(occupant.job);
            }
            let result = job.result_name(occupant.n);
            for text in task.preparation() {
                self.parts.reporter.report(Event::Preparing {
                    job: &job.name,
                    result: &result,
                    slot: *slot,
                    text: &text,
                });
            }
            self.parts.reporter.report(Event::Progress {
                job: &job.name,
                result: &result,
                slot: *slot,
                fraction_done: task.fraction_done(),
                elapsed_seconds: task.elapsed_seconds(),
                cpu_seconds: task.cpu_seconds(),
            });
        }
    }

    /// The first signal asks all tasks to exit, the second one kills them.
    fn interrupted(&mut self) {
        if self.stopping.is_some() && !self.killed {
            self.note("killing running jobs");
            self.kill();
            return;
        }
        if self.stopping.is_none() {
            self.note(
                "stopping; running jobs are paused and continue in the next run (interrupt again to kill them)",
            );
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

    /// Running jobs are frozen where they are, and the next run continues them, as after a client's exit.
    fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
        self.slots.retain(|_, occupant| matches!(occupant.phase, Phase::Running(_)));
        for occupant in self.slots.values_mut() {
            if let Phase::Running(task) = &mut occupant.phase {
                task.quit();
            }
        }
    }

    fn result_mut(&mut self, at: usize, n: u32) -> Option<&mut ResultRecord> {
        self.dirty.insert(at);
        self.parts.jobs[at].results.iter_mut().find(|result| result.n == n)
    }

    /// Writes what has changed, in one transaction.
    fn flush(&mut self) -> Result<(), LocalError> {
        if !self.dirty.is_empty() {
            self.parts.campaign.save(self.dirty.iter().map(|&at| &self.parts.jobs[at]))?;
            self.dirty.clear();
        }
        Ok(())
    }

    /// For the report and the estimate of the time left.
    fn note_moment(&mut self) -> Result<(), LocalError> {
        Ok(self.parts.campaign.note_moment(crate::clock::now())?)
    }

    fn note(&mut self, text: &str) {
        self.parts.reporter.report(Event::Note { text });
    }
}

/// Where new results of a job go in the queue.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Last,
    /// Before all others, so that started jobs finish.
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

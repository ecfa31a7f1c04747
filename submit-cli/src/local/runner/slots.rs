//! Results in slots: from a free slot to a finished result.

use std::path::Path;
use std::time::Instant;

use boinc::wire::slot::{LockError, SlotLock};

use super::{Ended, LOCK_RETRY, LOCK_TIMEOUT, LocalError, Occupant, Phase, RunEvent, Runner, Slots, Turn};
use crate::campaign::event::Event;
use crate::campaign::file_error::FileError;
use crate::campaign::workunit::{Outcome, ResultState, ValidateState};
use crate::campaign::{ResultRecord, exit_status, state_word};
use crate::clock::now;
use crate::local::exit::{self, Ending, Failure, ProcessEnd};
use crate::local::init::TaskInfo;
use crate::local::keep;
use crate::local::limits::Limits;
use crate::local::task::{Start, Task};
use crate::local::{prepare, slot};
use crate::plan::units::show_size;

impl Runner<'_> {
    /// Resets a killed result; the next run starts it again.
    fn put_back(&mut self, slot: u32, at: usize, n: u32) {
        if let Some(result) = self.result_mut(at, n) {
            *result = ResultRecord::unsent(n);
        }
        // The next run removes a slot that cannot be removed now.
        let _ = slot::remove(&self.parts.client.layout.slot(slot));
    }

    pub(super) fn fill_slots(&mut self) -> Result<(), LocalError> {
        while self.stopping.is_none() && (self.slots.len() as u32) < self.parts.slots {
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
                result.started = Some(now());
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

    pub(super) fn start_waiting(&mut self) -> Result<(), LocalError> {
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
    pub(super) fn start(&mut self, slot: u32) -> Result<(), LocalError> {
        let Some(occupant) = self.slots.get_mut(&slot) else { return Ok(()) };
        let (at, n) = (occupant.job, occupant.n);
        let client = self.parts.client;
        let dir = client.layout.slot(slot);
        if let Phase::Waiting { until, since } = &mut occupant.phase {
            // The wrapper of a killed run may still be in the slot.
            match SlotLock::try_acquire(&dir) {
                Err(LockError::Held { .. }) if since.elapsed() < LOCK_TIMEOUT => {
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
        let info = TaskInfo {
            wu_name: &record.wu_name,
            result_name: &result_name,
            slot,
            cpu_before: result.checkpoint_cpu_seconds,
            elapsed_before: result.elapsed_seconds,
            sent: result.started.unwrap_or_else(now),
        };
        let path = dir.join(boinc::wire::init_data::INIT_DATA_FILE);
        std::fs::write(&path, client.init_data(resources, info).render())
            .map_err(FileError::at(&path, "write it"))?;
        let event_sender = self.parts.event_sender.clone();
        let again = result.elapsed_seconds > 0.0 || result.restarts != Default::default();
        let started = Task::start(
            &Start {
                layout: &client.layout,
                slot,
                program: &self.parts.prepared.program,
                args: &boinc::job::argv::split_command_line(&job.command_line),
                limits: Limits::new(
                    resources.flops_bound,
                    resources.cpus,
                    resources.disk_bytes,
                    client.host.memory_bytes,
                ),
                elapsed_before: result.elapsed_seconds,
                cpu_before: result.checkpoint_cpu_seconds,
            },
            // The runner waits for every task it has started, so the channel is open.
            move |end| drop(event_sender.send(RunEvent::Ended { slot, end })),
        );
        for note in notes {
            self.note(&note);
        }
        match started {
            Ok(task) => {
                self.parts.reporter.report(Event::ResultStarted {
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
                let cause = format!("failed to start the app: {error}: {}", error.source);
                let failure = Failure { exit_status: exit_status::COULD_NOT_START, cause };
                self.slots.remove(&slot);
                self.result_over(slot, at, n, Some(failure))
            }
        }
    }

    /// Takes note of the end of a wrapper's process.
    pub(super) fn ended(&mut self, slot: u32, end: ProcessEnd) {
        if let Some(Occupant { job, n, phase: Phase::Running(task) }) = self.slots.remove(&slot) {
            let elapsed_seconds = task.elapsed_seconds();
            let record = &self.parts.jobs[job];
            self.parts.reporter.report(Event::ResultExited {
                job: &record.name,
                result: &record.result_name(n),
                slot,
            });
            self.ended.push_back(Ended { slot, job, n, task, end, elapsed_seconds });
        }
    }

    /// Processes the end of a wrapper.
    pub(super) fn process(&mut self, ended: Ended) -> Result<(), LocalError> {
        let Ended { slot, job: at, n, mut task, end, elapsed_seconds } = ended;
        let (exit_report, asked) = task.exit_report();
        let Some(result) = self.result_mut(at, n) else { return Ok(()) };
        result.elapsed_seconds = elapsed_seconds;
        result.cpu_seconds = task.cpu_seconds();
        result.checkpoint_cpu_seconds = task.checkpoint_cpu_seconds();
        result.peak_bytes = result.peak_bytes.max(task.peak_bytes());
        match exit::classify(end, &exit_report, &asked, &mut result.restarts) {
            Ending::Finished => self.result_over(slot, at, n, None),
            Ending::Failed(failure) => self.result_over(slot, at, n, Some(failure)),
            Ending::Stopped | Ending::Restart { .. } if self.killed => {
                self.put_back(slot, at, n);
                Ok(())
            }
            Ending::Stopped => Ok(()),
            Ending::Restart { .. } if self.stopping.is_some() => Ok(()),
            Ending::Restart { after, why } => {
                let now = Instant::now();
                let phase = Phase::Waiting { until: now + after, since: now + after };
                self.slots.insert(slot, Occupant { job: at, n, phase });
                let job = &self.parts.jobs[at];
                self.parts.reporter.report(Event::ResultRetrying {
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

    /// Finishes a result, successful or failed.
    pub(super) fn result_over(
        &mut self,
        slot: u32,
        at: usize,
        n: u32,
        failure: Option<Failure>,
    ) -> Result<(), LocalError> {
        let layout = &self.parts.client.layout;
        let dir = layout.slot(slot);
        let outputs = prepare::outputs(self.parts.plan, &self.parts.jobs[at].wu_name, n);
        let result_name = self.parts.jobs[at].result_name(n);
        keep::keep_log(&dir, &layout.log(&result_name))?;
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
        // From here on the result counts: the next run repeats the following steps after an interruption.
        self.flush()?;
        let layout = &self.parts.client.layout;
        if self.parts.keep == Slots::Keep {
            keep::keep_slot(layout, &dir, &layout.kept(&result_name), &outputs)?;
        }
        if failed {
            keep::reject(layout, &self.parts.jobs[at], n, &outputs)?;
        } else {
            slot::upload(layout, &outputs)?;
        }
        slot::remove(&dir)?;
        let job = &self.parts.jobs[at];
        if let Some(result) = job.result(n) {
            self.parts.reporter.report(Event::ResultFinished {
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
}

/// The note that a large input had to be copied.
pub fn copied_note(path: &Path, bytes: u64) -> String {
    format!(
        "copied {} ({}), which is on another file system; use --out on that file system to avoid copies",
        path.display(),
        show_size(bytes)
    )
}

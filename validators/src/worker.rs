//! The process that works off the spool: which item is next, what becomes of it, and when to try again.

mod steps;
mod turns;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use boinc::error_chain::chain;

use crate::program::OwnProgram;
use crate::session::{Failure, FailureClass, Session};
use crate::spool::{ClaimedItem, Spool, SpoolError, at};
use steps::ItemError;
use turns::{Shares, Turns, app_of};

pub(crate) use steps::{Steps, run_steps};

/// A worker that has nothing to do but wait ends after this; a later call starts another.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// How often a waiting worker looks whether there is something new.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When an item that somebody else is at is looked at again, in seconds.
const AT_WORK_SECONDS: f64 = 5.0;

/// When an item whose state can't be written is looked at again, in seconds.
const UNWRITTEN_SECONDS: f64 = 60.0;

/// A round of the worker's takes no longer, in seconds, but for the item that it is at.
const ROUND_SECONDS: f64 = 30.0;

/// What stands behind an item whose rule is out is put off no longer than this, in seconds: it may be that item alone.
const PUT_OFF_SECONDS: f64 = 300.0;

/// Whether a worker has ended its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerExit {
    /// Nothing that it could do is left, or it has waited long enough.
    Idle,
    /// There is another program in place of its own, which is to go on.
    ProgramReplaced,
}

/// How things stand after a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RoundSummary {
    /// Items that were finished.
    pub finished: usize,
    /// Items that were tried and failed, or stand behind one that did.
    pub stuck: usize,
    /// When the next one is due, seconds since 1970; `None` if nothing is left.
    pub next_attempt: Option<f64>,
}

impl RoundSummary {
    /// One that is left is due then.
    fn is_due(&mut self, at: f64) {
        self.next_attempt = Some(self.next_attempt.map_or(at, |next_attempt| next_attempt.min(at)));
    }
}

/// Which items a round takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Selection<'a> {
    /// Those whose time has come.
    Due,
    /// These, or all if there are none, whether their time has come or not.
    Named(&'a [String]),
}

/// Works on items once. A round of those that are due is over when it has taken long, so that what is new is seen.
fn round(
    session: &mut Session,
    spool: &Spool,
    which: Selection,
    shares: &mut Shares,
) -> Result<RoundSummary, SpoolError> {
    let start = session.call.clock.now();
    let mut summary = RoundSummary::default();
    let mut wanted = Vec::new();
    for key in spool.keys()? {
        let state = spool.state(&key);
        let is_wanted = match which {
            Selection::Due => state.next_attempt <= start,
            Selection::Named(names) => names.is_empty() || names.contains(&key),
        };
        match is_wanted {
            true => wanted.push((key, state)),
            false => summary.is_due(state.next_attempt),
        }
    }
    let mut turns = Turns::new(wanted, shares);
    let mut out: BTreeMap<String, (String, f64)> = BTreeMap::new();
    while let Some(key) = turns.next(session.call.clock.now()) {
        let now = session.call.clock.now();
        if matches!(which, Selection::Due) && now - start > ROUND_SECONDS {
            summary.is_due(now);
            break;
        }
        let worked = spool.claim(&key).and_then(|claimed| match claimed {
            Some(claimed) => one(session, spool, claimed, which, &mut out, &mut summary),
            None => Ok(spool.has(&key).then_some(now + AT_WORK_SECONDS)),
        });
        // The others must not wait for one whose state can't be read or written.
        let again = worked.unwrap_or_else(|error| {
            session.log(&format!("{key} stays in the spool: {}", chain(&error)));
            summary.stuck += 1;
            Some(now + UNWRITTEN_SECONDS)
        });
        if let Some(again) = again {
            summary.is_due(again);
        }
    }
    turns.charge(session.call.clock.now());
    Ok(summary)
}

/// Works on one item; when it is to be tried again. `out` holds what has turned out to be out of order in this round.
fn one(
    session: &mut Session,
    spool: &Spool,
    mut claimed: ClaimedItem,
    which: Selection,
    out: &mut BTreeMap<String, (String, f64)>,
    summary: &mut RoundSummary,
) -> Result<Option<f64>, SpoolError> {
    let now = session.call.clock.now();
    let rule = rule_of(&claimed);
    if let Some((message, next_attempt)) = out.get(&rule) {
        summary.stuck += 1;
        let next_attempt = next_attempt.min(now + PUT_OFF_SECONDS);
        claimed.state.error = message.clone();
        claimed.state.next_attempt = next_attempt;
        claimed.save()?;
        return Ok(Some(next_attempt));
    }
    if claimed.state.started && matches!(which, Selection::Due) {
        // Were it tried at once, one that ends each process would keep all others waiting.
        summary.stuck += 1;
        let error = ItemError::of_item("the process that worked on it was interrupted".to_owned());
        record_item_error(session, &mut claimed, &error, now)?;
        return Ok(Some(claimed.state.next_attempt));
    }
    claimed.state.started = true;
    // On a full disk it is worked on all the same, which makes room.
    let _ = claimed.save();
    match run_steps(session, &mut claimed, Steps::All) {
        Ok(_) => {
            summary.finished += 1;
            spool.finish(claimed)?;
            Ok(None)
        }
        Err(error) => {
            summary.stuck += 1;
            record_item_error(session, &mut claimed, &error, now)?;
            if error.failure.is_some() {
                out.insert(rule, (error.message, claimed.state.next_attempt));
            }
            Ok(Some(claimed.state.next_attempt))
        }
    }
}

/// Items of the same rule, as far as their names tell.
fn rule_of(claimed: &ClaimedItem) -> String {
    let workunit = &claimed.item.workunit;
    workunit.split_once("__").map_or(workunit.as_str(), |(bundle, _)| bundle).to_owned()
}

/// Notes in the item that it is stuck, and tells somebody if it is more than the item.
pub(crate) fn record_item_error(
    session: &Session,
    claimed: &mut ClaimedItem,
    error: &ItemError,
    now: f64,
) -> Result<(), SpoolError> {
    claimed.state.failed(error.message.clone(), now);
    session.log(&format!("{} stays in the spool: {}", claimed.item.key, error.message));
    match &error.failure {
        // Nobody waits here: what counts is that somebody is told, once.
        Some(failure) => {
            session.failed(&Failure { class: FailureClass::Permanent, ..failure.clone() }, 0.0, 0);
        }
        None if error.is_late => {}
        None => {
            let text = format!("{} stays in the spool: {}", claimed.item.key, error.message);
            // Not by the workunit: each would be one more to be told of.
            let app = app_of(&claimed.item.key);
            session
                .alert_rate_limited(&format!("spool-{}", if app.is_empty() { "others" } else { app }), &text);
        }
    }
    claimed.save()
}

/// Works on the named items now, or on all, whether their time has come or not.
///
/// # Errors
/// The spool can't be read or written.
pub(crate) fn retry(
    session: &mut Session,
    spool: &Spool,
    names: &[String],
) -> Result<RoundSummary, SpoolError> {
    round(session, spool, Selection::Named(names), &mut Shares::default())
}

/// The process that works off the spool of a project: one at a time.
pub(crate) struct Worker {
    spool: Spool,
}

impl Worker {
    pub(crate) fn new(spool: &Spool) -> Self {
        Self { spool: spool.clone() }
    }

    fn lock(&self) -> Option<File> {
        let path = self.spool.directory().join("worker.lock");
        let lock = File::options().write(true).create(true).truncate(false).open(path).ok()?;
        lock.try_lock().ok()?;
        Some(lock)
    }

    fn next_file(&self) -> PathBuf {
        self.spool.directory().join("next_attempt")
    }

    /// Forgets when the last one had something to do next: there is something new.
    pub(crate) fn wake(&self) {
        // It may not be there.
        let _ = fs::remove_file(self.next_file());
    }

    /// Whether one should be started: there is something to do, and nobody at it.
    pub(crate) fn is_needed(&self, now: f64) -> bool {
        let has_items = fs::read_dir(self.spool.waiting()).is_ok_and(|mut entries| entries.next().is_some());
        if !has_items {
            return false;
        }
        let next: f64 = fs::read_to_string(self.next_file())
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0.0);
        next <= now && self.lock().is_some()
    }

    /// Works until nothing is left, or `own` was replaced by an upgrade; waits for what is to be tried again.
    pub(crate) fn work(&self, session: &mut Session, own: &OwnProgram) -> Result<WorkerExit, SpoolError> {
        let start = session.call.clock.now();
        let mut shares = Shares::default();
        loop {
            // Another one is at it, and will see what is new.
            let Some(lock) = self.lock() else { return Ok(WorkerExit::Idle) };
            if self.spool.tidy(start) {
                session.breakers.tidy(start);
            }
            loop {
                // What is asked of it may be more than it knows.
                if own.is_replaced() {
                    return Ok(WorkerExit::ProgramReplaced);
                }
                let seen = self.last_change();
                let summary = round(session, &self.spool, Selection::Due, &mut shares)?;
                self.write_next(summary.next_attempt)?;
                let now = session.call.clock.now();
                let is_over = now - start > LONGEST_WAIT.as_secs_f64();
                match summary.next_attempt {
                    Some(next_attempt) if !is_over => self.wait(session, next_attempt, seen),
                    _ => break,
                }
            }
            drop(lock);
            // Whoever has added something while the lock was held counts on us.
            if self.due(session.call.clock.now())? == 0
                || session.call.clock.now() - start > LONGEST_WAIT.as_secs_f64()
            {
                return Ok(WorkerExit::Idle);
            }
        }
    }

    fn due(&self, now: f64) -> Result<usize, SpoolError> {
        let keys = self.spool.keys()?;
        Ok(keys.iter().filter(|key| self.spool.state(key).next_attempt <= now).count())
    }

    fn last_change(&self) -> Option<SystemTime> {
        self.spool.waiting().metadata().and_then(|metadata| metadata.modified()).ok()
    }

    /// Waits until something is due, or there is something new.
    fn wait(&self, session: &Session, until: f64, seen: Option<SystemTime>) {
        let clock = session.call.clock;
        loop {
            let left = Duration::from_secs_f64((until - clock.now()).max(0.0));
            // At least once: where something new comes all the time, a look at everything each time is too much.
            clock.pause(left.min(LOOK_EVERY));
            if clock.now() >= until || self.last_change() != seen || seen.is_none() {
                return;
            }
        }
    }

    fn write_next(&self, next_attempt: Option<f64>) -> Result<(), SpoolError> {
        let path = self.next_file();
        let Some(next_attempt) = next_attempt else {
            self.wake();
            return Ok(());
        };
        fs::write(&path, next_attempt.to_string()).map_err(at(&path))
    }
}

//! Circuit breakers: how long everybody waits for a rule that is broken, kept in files that all shims share.
//!
//! A stock daemon runs one script after the other, so a wait holds up every science app, and "try later" makes a
//! volunteer compute a job again. A broken rule is therefore tried again for a bounded time, over all calls
//! together; after that only now and then, so that it takes no more than a fiftieth of the time.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use boinc::backoff::Backoff;
use boinc::file_error::if_found;
use boinc::visible::visible;
use serde::{Deserialize, Serialize};

use crate::private;
use boinc::spelling::shortened_to;

/// Seconds that are waited for one rule's outage, unless the routes say otherwise.
pub const OUTAGE_SECONDS: f64 = 60.0;

/// After so many seconds without a failure an outage is over, also if nobody has seen a success.
const STALE_SECONDS: f64 = 3600.0;

/// Seconds between two alerts of one outage.
const ALERT_SECONDS: f64 = 3600.0;

/// When nobody has waited for so many seconds, time for waiting begins to come back:
const QUIET_SECONDS: f64 = 120.0;

/// one second of it in so many.
const REFILL: f64 = 60.0;

/// Once the time for waiting is used up, an attempt of n seconds is followed by a pause of n times this.
const PROBE_SPACING: f64 = 50.0;

/// So much of the time is waited; the rest is for the attempts that are made afterwards.
const WAITED_SHARE: f64 = 0.95;

/// A record of which nothing was heard for so many seconds is removed.
const FORGOTTEN_SECONDS: f64 = 30.0 * 86_400.0;

/// Characters of a failure that are kept.
const ERROR_CHARS: usize = 1_000;

/// A pause shorter than this is not worth it.
const LEAST_PAUSE: f64 = 0.02;

/// What is remembered of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Whether it is out.
    pub open: bool,
    /// When that began; seconds since 1970, as all times here.
    pub since: f64,
    /// Failures in this outage.
    pub failures: u64,
    /// The last failure, in words.
    pub error: String,
    /// When it was.
    pub last_failure: f64,
    /// How long the attempt took that failed last.
    pub attempt_seconds: f64,
    /// Seconds of waiting that were used up
    pub spent_seconds: f64,
    /// at this time.
    pub spent_at: f64,
    /// When it was last alerted.
    pub alerted_at: f64,
}

impl Record {
    fn settle(&mut self, now: f64) {
        if self.open && now - self.last_failure > STALE_SECONDS {
            self.open = false;
        }
    }

    fn is_alert_due(&mut self, now: f64) -> bool {
        let is_due = now - self.alerted_at >= ALERT_SECONDS;
        if is_due {
            self.alerted_at = now;
        }
        is_due
    }

    fn spent(&self, now: f64) -> f64 {
        let quiet = (now - self.spent_at - QUIET_SECONDS).max(0.0);
        (self.spent_seconds - quiet / REFILL).max(0.0)
    }

    /// Seconds of waiting that are left of `limit_seconds`.
    pub fn left(&self, limit_seconds: f64, now: f64) -> f64 {
        (limit_seconds - self.spent(now)).max(0.0)
    }

    /// Uses up waiting time, but never more than there is: what comes back later counts from there.
    fn draw(&mut self, seconds: f64, limit_seconds: f64, now: f64) {
        let spent = self.spent(now);
        self.spent_seconds = (spent + seconds).min(limit_seconds.max(spent));
        self.spent_at = now;
    }
}

/// An attempt that has failed, or has decided nothing though nothing is broken.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt<'a> {
    /// What has failed: [`Breakers`] keeps a record for each key.
    pub key: &'a str,
    /// Whose time for waiting it uses: the key itself, or one that several share.
    pub budget: &'a str,
    /// In words.
    pub error: &'a str,
    /// How long the attempt took.
    pub seconds: f64,
    /// How many attempts this call has made before.
    pub attempt: u32,
    /// How long an outage is waited for in all, in seconds.
    pub limit_seconds: f64,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Next {
    /// Seconds to wait before the next attempt; `None`: give up for now.
    pub pause: Option<f64>,
    /// Tell somebody now.
    pub alert: bool,
    /// Failures in this outage.
    pub failures: u64,
}

/// The records of a project.
#[derive(Clone, Debug)]
pub struct Breakers {
    directory: PathBuf,
}

impl Breakers {
    /// Records in this directory, which is made when it is needed.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Whether a rule may be tried: nothing, or the last error if it has failed a moment ago, so that trying is no use.
    /// Costs one look at the file system while all is well.
    ///
    /// # Errors
    /// The record can't be read or written.
    pub fn admit(&self, key: &str, budget: &str, limit_seconds: f64, now: f64) -> io::Result<Option<String>> {
        let limit_seconds = WAITED_SHARE * limit_seconds;
        if !self.path(key).exists() {
            return Ok(None);
        }
        let shared = match budget == key {
            true => None,
            false => Some(self.update(budget, now, |record| record.left(limit_seconds, now))?),
        };
        self.update(key, now, |record| {
            let left = shared.unwrap_or_else(|| record.left(limit_seconds, now));
            let is_due = now >= record.last_failure + PROBE_SPACING * record.attempt_seconds;
            if !record.open || left >= LEAST_PAUSE {
                return None;
            }
            if is_due {
                // Taken: nobody else tries until this attempt has had its time.
                record.last_failure = now;
                return None;
            }
            Some(record.error.clone())
        })
    }

    /// Notes a failure.
    ///
    /// # Errors
    /// The record can't be written. Then nothing bounds the waiting of all calls together: do not wait.
    pub fn failed(&self, failure: &FailedAttempt, now: f64) -> io::Result<Next> {
        let pause = pause_after(failure.attempt);
        let limit_seconds = WAITED_SHARE * failure.limit_seconds;
        let draw = |record: &mut Record| {
            record.draw(failure.seconds, limit_seconds, now);
            let left = record.left(limit_seconds, now);
            // Another attempt as long as this one must fit, too; what is left is of no use to anybody then.
            let pause = pause.min(left - failure.seconds);
            if pause < LEAST_PAUSE {
                record.draw(left, limit_seconds, now);
                return None;
            }
            record.draw(pause, limit_seconds, now);
            Some(pause)
        };
        // Where nobody waits, nothing is taken from the time of those that do.
        let shared = if failure.budget == failure.key {
            None
        } else if failure.limit_seconds <= 0.0 {
            Some(None)
        } else {
            Some(self.update(failure.budget, now, draw)?)
        };
        self.update(failure.key, now, |record| {
            if !record.open {
                *record = Record { open: true, since: now, failures: 0, ..record.clone() };
            }
            record.failures += 1;
            record.error = visible(&shortened_to(failure.error, ERROR_CHARS)).into_owned();
            record.last_failure = now;
            record.attempt_seconds = failure.seconds;
            let alert = record.is_alert_due(now);
            let pause = shared.unwrap_or_else(|| draw(record));
            Next { pause, alert, failures: record.failures }
        })
    }

    /// Notes that a call can't be decided yet; seconds to wait before its next attempt, or `None`: give up for now.
    /// However often it happens, no call is refused for it. Attempts use up time but a call's first, which is made in any
    /// case.
    ///
    /// # Errors
    /// The record can't be written. Then nothing bounds the waiting of all calls together: do not wait.
    pub fn delayed(&self, delay: &FailedAttempt, now: f64) -> io::Result<Option<f64>> {
        let limit_seconds = WAITED_SHARE * delay.limit_seconds;
        let repeated = if delay.attempt == 0 { 0.0 } else { delay.seconds };
        self.update(delay.budget, now, |record| {
            // Also if nothing was repeated: time comes back only when nobody has to wait for a while.
            record.draw(repeated, limit_seconds, now);
            // Another attempt as long as this one must fit, too; what is left may do for a quicker one.
            let left = record.left(limit_seconds, now) - delay.seconds;
            let pause = pause_after(delay.attempt).min(left);
            (pause >= LEAST_PAUSE).then(|| {
                record.draw(pause, limit_seconds, now);
                pause
            })
        })
    }

    /// Whether somebody is to be told of something under this key, which is then noted as told. Nothing is out for it.
    ///
    /// # Errors
    /// The record can't be read or written.
    pub fn is_alert_due(&self, key: &str, now: f64) -> io::Result<bool> {
        self.update(key, now, |record| record.is_alert_due(now))
    }

    /// Notes a success; what there was to recover from.
    ///
    /// # Errors
    /// The record can't be written.
    pub fn succeeded(&self, key: &str, now: f64) -> io::Result<Option<Record>> {
        if !self.path(key).exists() {
            return Ok(None);
        }
        self.update(key, now, |record| {
            let before = record.clone();
            record.open = false;
            before.open.then_some(before)
        })
    }

    /// All records, by key; those that are closed too.
    ///
    /// # Errors
    /// The directory can't be read; that it is not there is no error.
    pub fn list(&self, now: f64) -> io::Result<Vec<(String, Record)>> {
        let mut found = Vec::new();
        for entry in if_found(fs::read_dir(&self.directory))?.into_iter().flatten() {
            let path = entry?.path();
            let Some(key) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else {
                continue;
            };
            let mut record: Record = serde_json::from_slice(&fs::read(&path)?).unwrap_or_default();
            record.settle(now);
            found.push((key.to_owned(), record));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Removes records of what is not out and of which nothing was heard for long. What can't be removed does no harm.
    pub fn tidy(&self, now: f64) {
        for (key, record) in self.list(now).unwrap_or_default() {
            let heard = record.last_failure.max(record.spent_at).max(record.alerted_at);
            if !record.open && now - heard > FORGOTTEN_SECONDS {
                let _ = self.reset(&key);
            }
        }
    }

    /// Forgets a record, so that the rule is tried at once. Time for waiting that it shares with others stays used up.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn reset(&self, key: &str) -> io::Result<()> {
        fs::remove_file(self.path(key))
    }

    fn path(&self, key: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
        self.directory.join(format!("{}.json", key.chars().map(plain).collect::<String>()))
    }

    /// Changes a record under its lock. One that a kill has torn counts as new.
    fn update<T>(&self, key: &str, now: f64, change: impl FnOnce(&mut Record) -> T) -> io::Result<T> {
        private::create_directory(&self.directory)?;
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(self.path(key))?;
        file.lock()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let mut record: Record = serde_json::from_slice(&text).unwrap_or_default();
        record.settle(now);
        let answer = change(&mut record);
        let text = serde_json::to_vec(&record)?;
        file.rewind()?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)?;
        Ok(answer)
    }
}

/// Seconds between this attempt of a call, from 0, and its next.
fn pause_after(attempt: u32) -> f64 {
    const BACKOFF: Backoff = Backoff::endless(Duration::from_millis(250), Duration::from_secs(5));
    BACKOFF.wait(attempt.saturating_add(1)).as_secs_f64()
}

#[cfg(test)]
mod tests;

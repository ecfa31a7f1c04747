//! How long a build may still take. The time in which the client has it wait does not count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A clock that can be stopped.
#[derive(Debug)]
pub(super) struct TimeLeft(Mutex<Clock>);

#[derive(Debug)]
struct Clock {
    end: Instant,
    /// Since when it stands.
    paused: Option<Instant>,
}

impl TimeLeft {
    /// Runs from `now` on.
    pub(super) fn new(time: Duration, now: Instant) -> Self {
        Self(Mutex::new(Clock { end: now + time, paused: None }))
    }

    /// Stops it, if it runs.
    pub(super) fn pause(&self, now: Instant) {
        self.clock().paused.get_or_insert(now);
    }

    /// Lets it run again, if it stands.
    pub(super) fn resume(&self, now: Instant) {
        let mut clock = self.clock();
        if let Some(since) = clock.paused.take() {
            clock.end += now.saturating_duration_since(since);
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let clock = self.clock();
        clock.paused.unwrap_or(now) >= clock.end
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_is_held_over_night_is_not_too_slow() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let time = TimeLeft::new(Duration::from_secs(3_600), start);
        time.pause(at(30));
        time.pause(at(40));
        assert!(!time.is_over(at(600)));
        time.resume(at(600));
        time.resume(at(610));
        assert!(!time.is_over(at(629)));
        assert!(time.is_over(at(630)));
    }
}

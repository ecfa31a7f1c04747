//! Repeats requests that fail for a time.

use std::time::Duration;

use boinc::backoff::Backoff;
use tracing::span::EnteredSpan;
use tracing::{info, info_span};

use super::error::ProjectError;
use crate::clock::Clock;

/// For queries and downloads, which can be repeated at will.
pub const QUERIES: Backoff = Backoff {
    tries: 5,
    first_wait: Duration::from_secs(1),
    longest_wait: Duration::from_secs(120),
    longest_asked: Duration::from_secs(120),
};

/// Failures in a row of one piece of work.
#[derive(Debug)]
pub(crate) struct Failures<'a> {
    backoff: &'a Backoff,
    count: u32,
}

impl<'a> Failures<'a> {
    pub(crate) fn new(backoff: &'a Backoff) -> Self {
        Self { backoff, count: 0 }
    }

    /// Part of the work succeeded.
    pub(crate) fn reset(&mut self) {
        self.count = 0;
    }

    /// Marks what is logged during this try with its number, from 1.
    pub(crate) fn attempt(&self) -> EnteredSpan {
        info_span!("attempt", number = self.count + 1).entered()
    }

    /// The wait after one more failure; `None` if it was the last try.
    pub(crate) fn next_wait(&mut self, error: &ProjectError) -> Option<Duration> {
        self.count += 1;
        if self.backoff.is_used_up(self.count) {
            return None;
        }
        let wait = self.backoff.wait_for_server(self.count, error.retry_after(), fastrand::f64());
        info!(seconds = wait.as_secs_f64(), %error, "waiting before the next attempt");
        Some(wait)
    }
}

/// Calls `request` until it succeeds, fails with an error that does not pass by waiting, or the tries are used up.
pub(crate) fn retry<T>(
    backoff: &Backoff,
    clock: &dyn Clock,
    mut request: impl FnMut() -> Result<T, ProjectError>,
) -> Result<T, ProjectError> {
    let mut failures = Failures::new(backoff);
    loop {
        let attempt = failures.attempt();
        let error = match request() {
            Err(error) if error.try_again() => error,
            done => return done,
        };
        drop(attempt);
        match failures.next_wait(&error) {
            Some(wait) if clock.pause(wait) => {}
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Notes waits, and is interrupted at one of them.
    #[derive(Default)]
    struct Noted {
        waits: Mutex<Vec<Duration>>,
        interrupted_at: Option<usize>,
    }

    impl Noted {
        fn count(&self) -> usize {
            self.waits.lock().unwrap().len()
        }
    }

    impl Clock for Noted {
        fn now(&self) -> f64 {
            0.0
        }

        fn pause(&self, wait: Duration) -> bool {
            self.waits.lock().unwrap().push(wait);
            self.interrupted_at != Some(self.count())
        }
    }

    fn lost() -> ProjectError {
        ProjectError::LostReply { url: "u".into(), reason: "cut".into() }
    }

    #[test]
    fn tries_are_limited_and_waits_grow() {
        let clock = Noted::default();
        assert!(retry(&QUERIES, &clock, || Err::<(), _>(lost())).is_err());
        let waits = clock.waits.into_inner().unwrap();
        assert_eq!(waits.len(), 4);
        for (wait, most) in waits.iter().zip([1.0, 2.0, 4.0, 8.0]) {
            assert!((most / 2.0..=most).contains(&wait.as_secs_f64()), "{wait:?}");
        }
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it() {
        let retry_after = Some(Duration::from_secs(30));
        let closed = || ProjectError::Maintenance { message: "m".into(), retry_after };
        let wait = Failures::new(&QUERIES).next_wait(&closed()).unwrap();
        assert!((30.0..=31.0).contains(&wait.as_secs_f64()), "{wait:?}");
    }

    #[test]
    fn only_what_passes_by_waiting_is_tried_again() {
        let clock = Noted::default();
        let refused = retry(&QUERIES, &clock, || Err::<(), _>(ProjectError::BadAuthenticator));
        assert!(matches!(refused, Err(ProjectError::BadAuthenticator)));
        assert_eq!(clock.count(), 0);

        let mut answers = vec![Ok(7), Err(lost()), Err(lost())];
        assert_eq!(retry(&QUERIES, &clock, || answers.pop().unwrap()).unwrap(), 7);
        assert_eq!(clock.count(), 2);
    }

    #[test]
    fn an_interruption_ends_it() {
        let clock = Noted { interrupted_at: Some(1), ..Noted::default() };
        assert!(retry(&QUERIES, &clock, || Err::<(), _>(lost())).is_err());
        assert_eq!(clock.count(), 1);
    }
}

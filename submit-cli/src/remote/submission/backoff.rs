//! How often a request is tried again, and how long that waits.

use std::time::Duration;

use super::{Link, SubmitError};
use crate::campaign::event::Event;
use crate::project::error::ProjectError;

/// So many failures in a row and the submission stops, to be gone on with later.
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Failures in a row of one piece of work.
#[derive(Debug, Default)]
pub struct Failures {
    count: u32,
}

impl Failures {
    /// Something went forward.
    pub fn forget(&mut self) {
        self.count = 0;
    }

    /// The wait after one more failure; none if it was the last try.
    pub fn next_wait(&mut self, error: &ProjectError) -> Option<Duration> {
        self.count += 1;
        let wait = FIRST_WAIT.saturating_mul(1 << (self.count - 1).min(16)).min(LONGEST_WAIT);
        let wait = error.retry_after().map_or(wait, |asked| asked.clamp(wait, LONGEST_WAIT * 5));
        (self.count < TRIES).then_some(wait)
    }
}

impl Link<'_> {
    /// After a failure that may pass: waits, or gives up.
    pub(super) fn wait(
        &self,
        doing: &'static str,
        failures: &mut Failures,
        error: ProjectError,
    ) -> Result<(), SubmitError> {
        let Some(wait) = failures.next_wait(&error) else {
            return Err(SubmitError::GaveUp { doing, tries: TRIES, source: error });
        };
        self.reporter.report(Event::Retrying {
            doing,
            why: &error.to_string(),
            after_seconds: wait.as_secs_f64(),
        });
        match self.clock.pause(wait) {
            true => Ok(()),
            false => Err(SubmitError::Interrupted),
        }
    }

    /// Makes a request that changes nothing, or may be made twice, until it succeeds or can't.
    pub(super) fn persist<T>(
        &self,
        doing: &'static str,
        mut request: impl FnMut() -> Result<T, ProjectError>,
    ) -> Result<T, SubmitError> {
        let mut failures = Failures::default();
        loop {
            self.check_interrupted()?;
            match request() {
                Ok(value) => return Ok(value),
                Err(error) if error.try_again() || error.maybe_done() => {
                    self.wait(doing, &mut failures, error)?;
                }
                Err(source) => return Err(SubmitError::Project { doing, source }),
            }
        }
    }
}

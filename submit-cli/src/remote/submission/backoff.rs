//! Waits after failures of a submission, and repeats requests.

use std::time::Duration;

use boinc::backoff::Backoff;

use super::{Link, SubmitError};
use crate::campaign::event::Event;
use crate::project::error::ProjectError;
use crate::project::retry::Failures;

/// After the last of these failures in a row the submission stops; the same command resumes it.
const BACKOFF: Backoff = Backoff {
    tries: 8,
    first_wait: Duration::from_millis(500),
    longest_wait: Duration::from_secs(60),
    longest_asked: Duration::from_secs(300),
};

/// No failure yet.
pub(super) fn failures() -> Failures<'static> {
    Failures::new(&BACKOFF)
}

impl Link<'_> {
    /// After a failure that may pass: waits, or gives up.
    pub(super) fn wait(
        &self,
        doing: &'static str,
        failures: &mut Failures<'_>,
        error: ProjectError,
    ) -> Result<(), SubmitError> {
        let Some(wait) = failures.next_wait(&error) else {
            return Err(SubmitError::GaveUp { doing, tries: BACKOFF.tries, source: error });
        };
        self.reporter.report(Event::Retrying {
            doing,
            why: &error.to_string(),
            after_seconds: wait.as_secs_f64(),
        });
        if self.clock.pause(wait) { Ok(()) } else { Err(SubmitError::Interrupted) }
    }

    /// Makes a request that changes nothing, or may be made twice, until it succeeds or fails for good.
    pub(super) fn persist<T>(
        &self,
        doing: &'static str,
        mut request: impl FnMut() -> Result<T, ProjectError>,
    ) -> Result<T, SubmitError> {
        let mut failures = failures();
        loop {
            self.check_interrupted()?;
            let _attempt = failures.attempt();
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

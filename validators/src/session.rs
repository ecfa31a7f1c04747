//! What a program keeps at hand during a call: routes, circuit breakers, alerts. The validators' shims and the worker on
//! the spool use the same, so it belongs to neither.

mod call;
mod failure;
mod settings_cache;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use boinc::error_chain::chain;

use crate::alert::{self, alert_file};
use crate::breaker::{Breakers, FailedAttempt, Next};
use crate::routes::{Routed, Routes, Settings};
use crate::script::Purpose;
use crate::subject::Subject;
use failure::{ROUTES_KEY, unrouted_key};

pub use call::{Call, INLINE_VARIABLE, OUTAGE_VARIABLE};
pub(crate) use failure::{CALLS_KEY, Failure, FailureClass, UPLOAD_KEY};

/// A call's tools.
pub(crate) struct Session<'a> {
    pub call: &'a Call<'a>,
    pub breakers: Breakers,
    /// Directory for all that has to be remembered from call to call.
    pub state: PathBuf,
    routes_toml: PathBuf,
    settings: Settings,
    /// Whether settings could not be kept.
    settings_unsaved: bool,
    /// Whether somebody was told of an item without a note of it.
    has_alerted: Cell<bool>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(call: &'a Call<'a>) -> Self {
        let routes_toml = call.routes_toml();
        let state = state_directory(&routes_toml);
        let breakers = Breakers::new(&breaker_directory(&routes_toml));
        let (settings, has_alerted) = (Settings::default(), Cell::default());
        Self { call, breakers, state, routes_toml, settings, settings_unsaved: false, has_alerted }
    }

    /// The routes as they are now; an admin may be mending them. Until they are good, the settings are those that good
    /// ones had last.
    pub(crate) fn routes(&mut self) -> Result<Routes, Failure> {
        let routes = Routes::open(&self.routes_toml, self.call.directory);
        match routes.as_ref().ok().and_then(Routes::settings) {
            Some(settings) => {
                // Told once a call: the answer does not depend on it.
                if let Err(problem) = settings_cache::store(&self.state, &settings)
                    && !std::mem::replace(&mut self.settings_unsaved, true)
                {
                    self.log(&chain(&problem));
                }
                self.settings = settings;
            }
            None => self.settings = settings_cache::load(&self.state),
        }
        routes.map_err(|error| Failure::of_route(&error))
    }

    /// The route of a workunit, and what its name says.
    pub(crate) fn route(&mut self, workunit: &str) -> Result<(Subject, Routed), Failure> {
        let routes = self.routes()?;
        let subject = routes.subject(workunit);
        let found = routes.find(&subject);
        if !matches!(&found, Err(error) if Failure::of_route(error).key == ROUTES_KEY) {
            self.succeeded(ROUTES_KEY);
        }
        let routed = found.map_err(|error| Failure::of_route(&error))?;
        self.succeeded(&routed.key);
        if let Some(app) = &subject.app {
            self.succeeded(&unrouted_key(app));
        }
        Ok((subject, routed))
    }

    fn limit_seconds(&self) -> f64 {
        self.call.outage_seconds().unwrap_or(self.settings.breaker.outage_seconds)
    }

    /// Whether a script may be tried, or has been tried just now in vain.
    pub(crate) fn admit(&self, routed: &Routed, purpose: Purpose) -> Result<(), Failure> {
        let failure = Failure::of_script(routed, purpose, FailureClass::BreakerOpen, String::new());
        let now = self.call.clock.now();
        match self.breakers.admit(&failure.key, &failure.budget, self.limit_seconds(), now) {
            Ok(Some(message)) => Err(Failure { message, ..failure }),
            Ok(None) => Ok(()),
            Err(error) => {
                self.log_breaker_error(&error);
                Ok(())
            }
        }
    }

    fn attempt<'f>(&self, failure: &'f Failure, seconds: f64, attempt: u32) -> FailedAttempt<'f> {
        let Failure { key, budget, message: error, .. } = failure;
        FailedAttempt { key, budget, error, seconds, attempt, limit_seconds: self.limit_seconds() }
    }

    /// Notes a failure, and tells somebody; what to do next.
    pub(crate) fn failed(&self, failure: &Failure, seconds: f64, attempt: u32) -> Next {
        let limit_seconds = if failure.class == FailureClass::Permanent { 0.0 } else { self.limit_seconds() };
        let attempt = FailedAttempt { limit_seconds, ..self.attempt(failure, seconds, attempt) };
        let next = self.breakers.failed(&attempt, self.call.clock.now()).unwrap_or_else(|error| {
            self.log_breaker_error(&error);
            // Nobody would know how long all calls have waited together.
            Next { pause: None, alert: true, failures: 1 }
        });
        if next.alert {
            self.alert(&format!("{}: {}", failure.key, failure.message));
        }
        next
    }

    /// Notes that a script says "later"; seconds to wait until it is asked again, `None`: not in this call.
    pub(crate) fn delayed(&self, failure: &Failure, seconds: f64, attempt: u32) -> Option<f64> {
        // It answers, which it may not have done before.
        self.succeeded(&failure.key);
        let delay = self.attempt(failure, seconds, attempt);
        self.breakers.delayed(&delay, self.call.clock.now()).unwrap_or_else(|error| {
            self.log_breaker_error(&error);
            None
        })
    }

    /// Notes that a rule works.
    pub(crate) fn succeeded(&self, key: &str) {
        let now = self.call.clock.now();
        match self.breakers.succeeded(key, now) {
            Ok(None) => {}
            Ok(Some(before)) => {
                let seconds = (now - before.since).max(0.0);
                let text =
                    format!("{key}: works again after {seconds:.0} s and {} failures", before.failures);
                self.log(&text);
                // Who was not told of it, an hour after the last alert, need not hear that it is over.
                if before.alerted_at >= before.since {
                    self.alert_quietly(&text);
                }
            }
            Err(error) => self.log_breaker_error(&error),
        }
    }

    fn log_breaker_error(&self, error: &io::Error) {
        self.log(&format!("failed to write circuit breakers in {}: {error}", self.state.display()));
    }

    /// Tells somebody of what concerns one workunit; every hour at most for a key.
    pub(crate) fn alert_rate_limited(&self, key: &str, text: &str) {
        // Where that can't be remembered, once in a process.
        let is_due = self.breakers.is_alert_due(key, self.call.clock.now());
        if is_due.unwrap_or_else(|_| !self.has_alerted.replace(true)) {
            self.alert(text);
        }
    }

    /// Tells somebody: the log, the file, the admin's command.
    pub(crate) fn alert(&self, text: &str) {
        self.log(&format!("ALERT: {text}"));
        self.alert_quietly(text);
    }

    fn alert_quietly(&self, text: &str) {
        let (file, work) = (alert_file(&self.routes_toml), self.state.join("work"));
        let now = self.call.clock.now();
        for problem in alert::raise(&self.settings.alert, &file, self.base(), &work, now, text) {
            self.log(&problem);
        }
    }

    /// What tells the number of a workunit's batch.
    pub(crate) fn batch_id_command(&self) -> &[String] {
        &self.settings.batch_id.command
    }

    /// Where the admin's relative programs start.
    pub(crate) fn base(&self) -> &Path {
        self.routes_toml.parent().unwrap_or(Path::new(""))
    }

    pub(crate) fn log(&self, line: &str) {
        (self.call.log)(line);
    }
}

/// Where shims keep what they have to remember, for routes at this path.
fn state_directory(routes_toml: &Path) -> PathBuf {
    routes_toml.with_file_name("state")
}

/// Where circuit breakers are kept, for routes at this path.
pub fn breaker_directory(routes_toml: &Path) -> PathBuf {
    state_directory(routes_toml).join("breakers")
}

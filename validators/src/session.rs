//! What a program keeps at hand during a call: routes, circuit breakers, alerts. The validators' shims and the worker on
//! the spool use the same, so it belongs to neither.

mod call;
mod memory;
mod trouble;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use crate::alert::{Alerts, file_beside};
use crate::breaker::{Admission, Breakers, Delay, Failure, Next};
use crate::routes::{Routed, Routes, Settings};
use crate::script::Purpose;
use crate::subject::Subject;
use memory::Memory;
use trouble::{ROUTES_KEY, unrouted_key};

pub use call::{Call, INLINE_VARIABLE, OUTAGE_VARIABLE};
pub(crate) use trouble::{CALLS_KEY, Kind, Trouble, UPLOAD_KEY};

/// A call's tools.
pub(crate) struct Session<'a> {
    pub call: &'a Call<'a>,
    pub breakers: Breakers,
    /// Directory for all that has to be remembered from call to call.
    pub state: PathBuf,
    routes_toml: PathBuf,
    settings: Settings,
    /// Whether settings could not be kept.
    forgets: bool,
    /// Whether somebody was told of an item without a note of it.
    has_told: Cell<bool>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(call: &'a Call<'a>) -> Self {
        let routes_toml = call.routes_toml();
        let state = state_directory(&routes_toml);
        let breakers = Breakers::new(&breaker_directory(&routes_toml));
        let settings = Settings::default();
        Self { call, breakers, state, routes_toml, settings, forgets: false, has_told: Cell::new(false) }
    }

    /// The routes as they are now; an admin may be mending them. Until they are good, the settings are those that good
    /// ones had last.
    pub(crate) fn routes(&mut self) -> Result<Routes, Trouble> {
        let routes = Routes::open(&self.routes_toml, self.call.directory);
        let memory = Memory::new(&self.state);
        match routes.as_ref().ok().and_then(Routes::settings) {
            Some(settings) => {
                // Told once a call: the answer does not depend on it.
                if let Err(problem) = memory.keep(&settings)
                    && !std::mem::replace(&mut self.forgets, true)
                {
                    self.log(&problem);
                }
                self.settings = settings;
            }
            None => self.settings = memory.recall(),
        }
        routes.map_err(|error| Trouble::of_route(&error))
    }

    /// The route of a workunit, and what its name says.
    pub(crate) fn route(&mut self, workunit: &str) -> Result<(Subject, Routed), Trouble> {
        let routes = self.routes()?;
        let subject = routes.subject(workunit);
        let found = routes.find(&subject);
        if !matches!(&found, Err(error) if Trouble::of_route(error).key == ROUTES_KEY) {
            self.succeeded(ROUTES_KEY);
        }
        let routed = found.map_err(|error| Trouble::of_route(&error))?;
        self.succeeded(&routed.key);
        if let Some(app) = &subject.app {
            self.succeeded(&unrouted_key(app));
        }
        Ok((subject, routed))
    }

    fn limit_seconds(&self) -> f64 {
        self.call.outage_seconds().unwrap_or(self.settings.outage_seconds)
    }

    /// Whether a script may be tried, or has been tried just now in vain.
    pub(crate) fn admit(&self, routed: &Routed, purpose: Purpose) -> Result<(), Trouble> {
        let trouble = Trouble::of_script(routed, purpose, Kind::Refused, String::new());
        let now = self.call.clock.now();
        match self.breakers.admit(&trouble.key, &trouble.budget, self.limit_seconds(), now) {
            Ok(Admission::Refused(message)) => Err(Trouble { message, ..trouble }),
            Ok(Admission::Free) => Ok(()),
            Err(error) => {
                self.cannot_keep(&error);
                Ok(())
            }
        }
    }

    /// Notes a trouble, and tells somebody; what to do next.
    pub(crate) fn failed(&self, trouble: &Trouble, seconds: f64, attempt: u32) -> Next {
        let failure = Failure {
            key: &trouble.key,
            budget: &trouble.budget,
            error: &trouble.message,
            seconds,
            attempt,
            limit_seconds: if trouble.kind == Kind::Hopeless { 0.0 } else { self.limit_seconds() },
        };
        let next = self.breakers.failed(&failure, self.call.clock.now()).unwrap_or_else(|error| {
            self.cannot_keep(&error);
            // Nobody would know how long all calls have waited together.
            Next { pause: None, alert: true, failures: 1 }
        });
        if next.alert {
            self.alert(&format!("{}: {}", trouble.key, trouble.message));
        }
        next
    }

    /// Notes that a script says "later"; seconds to wait until it is asked again, `None`: not in this call.
    pub(crate) fn delayed(&self, trouble: &Trouble, seconds: f64, attempt: u32) -> Option<f64> {
        // It answers, which it may not have done before.
        self.succeeded(&trouble.key);
        let limit_seconds = self.limit_seconds();
        let delay = Delay { budget: &trouble.budget, seconds, attempt, limit_seconds };
        self.breakers.delayed(&delay, self.call.clock.now()).unwrap_or_else(|error| {
            self.cannot_keep(&error);
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
            Err(error) => self.cannot_keep(&error),
        }
    }

    fn cannot_keep(&self, error: &io::Error) {
        self.log(&format!("{}: cannot keep circuit breakers: {error}", self.state.display()));
    }

    /// Tells somebody of what concerns one workunit; every hour at most for a key.
    pub(crate) fn tell(&self, key: &str, text: &str) {
        // Where that can't be remembered, once in a process.
        let told = self.breakers.is_to_be_told(key, self.call.clock.now());
        if told.unwrap_or_else(|_| !self.has_told.replace(true)) {
            self.alert(text);
        }
    }

    /// Tells somebody: the log, the file, the admin's command.
    pub(crate) fn alert(&self, text: &str) {
        self.log(&format!("ALERT: {text}"));
        self.alert_quietly(text);
    }

    fn alert_quietly(&self, text: &str) {
        let alerts = Alerts {
            file: file_beside(&self.routes_toml),
            spec: self.settings.alert.clone(),
            base: self.base().to_owned(),
            work: self.state.join("work"),
        };
        for problem in alerts.raise(self.call.clock.now(), text) {
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

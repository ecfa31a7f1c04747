//! The time that a project sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The clock of a project, in seconds since 1970.
///
/// It stands still until a test moves it, so that what depends on time (the `mod_time` of a workunit, which the database
/// keeps in whole seconds) is the same in every run. Copies share one time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A clock that stands at `seconds` since 1970 until it is moved.
    #[must_use]
    pub fn logical(seconds: f64) -> Self {
        Self(Arc::new(AtomicU64::new(micros(seconds))))
    }

    /// Moves it forward.
    pub fn advance(&self, seconds: f64) {
        self.0.fetch_add(micros(seconds), Ordering::SeqCst);
    }

    /// Sets it, forward or back.
    pub fn set(&self, seconds: f64) {
        self.0.store(micros(seconds), Ordering::SeqCst);
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.0.load(Ordering::SeqCst) as f64 / 1e6
    }

    /// The whole seconds, as `time()` gives them.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().floor() as i64
    }
}

impl Default for Clock {
    /// 24 November 2026.
    fn default() -> Self {
        Self::logical(1_795_486_478.0)
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

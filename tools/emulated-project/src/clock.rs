//! The time that a project sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of a project, in seconds since 1970.
///
/// A logical clock stands still until a test moves it, so that what depends on time (the `mod_time` of a workunit,
/// which the database keeps in whole seconds) is the same in every run. Copies share one time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Logical(Arc<AtomicU64>),
    System,
}

impl Clock {
    /// A clock that stands at `seconds` since 1970 until it is moved.
    #[must_use]
    pub fn logical(seconds: f64) -> Self {
        Self(Source::Logical(Arc::new(AtomicU64::new(micros(seconds)))))
    }

    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Moves a logical clock forward; the system's clock moves by itself.
    pub fn advance(&self, seconds: f64) {
        if let Source::Logical(time) = &self.0 {
            time.fetch_add(micros(seconds), Ordering::SeqCst);
        }
    }

    /// Sets a logical clock, forward or back.
    pub fn set(&self, seconds: f64) {
        if let Source::Logical(time) = &self.0 {
            time.store(micros(seconds), Ordering::SeqCst);
        }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> f64 {
        match &self.0 {
            Source::Logical(time) => time.load(Ordering::SeqCst) as f64 / 1e6,
            Source::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
            }
        }
    }

    /// The whole seconds, as `time()` gives them.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().floor() as i64
    }
}

impl Default for Clock {
    /// A logical clock at 24 November 2026.
    fn default() -> Self {
        Self::logical(1_795_486_478.0)
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

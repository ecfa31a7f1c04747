//! The time, and waiting for it: passed in, so that tests need not wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a long piece of work sees of time and of the user's wish to stop.
pub trait Clock: Sync {
    /// Seconds since 1970.
    fn now(&self) -> f64;

    /// Waits; `false` if the user wants to stop.
    fn pause(&self, wait: Duration) -> bool;

    /// The user wants to stop.
    fn interrupted(&self) -> bool {
        false
    }
}

/// What the system's clock shows: seconds since 1970.
pub fn now() -> f64 {
    // A clock before 1970 is wrong by more than any figure that is made of it.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The system's clock, of which no pause is interrupted.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> f64 {
        now()
    }

    fn pause(&self, wait: Duration) -> bool {
        std::thread::sleep(wait);
        true
    }
}

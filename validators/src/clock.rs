//! Time, passed in: tests of waits must not wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where time comes from, and how it is spent.
pub trait Clock: Sync {
    /// Seconds since 1970.
    fn now(&self) -> f64;
    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> f64 {
        // A clock before 1970 is as good as none: waits then look as if they had just begun.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

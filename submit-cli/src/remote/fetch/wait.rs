//! Waits between tries, which end when the user wants to stop or the fetch has failed elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// An end is noticed within this time.
const GLANCE: Duration = Duration::from_millis(100);

/// Waits by a clock, in parts.
pub(super) struct Wait<'a> {
    pub(super) clock: &'a dyn Clock,
    /// The fetch has ended for another reason.
    pub(super) ended: &'a AtomicBool,
}

impl Clock for Wait<'_> {
    fn now(&self) -> f64 {
        self.clock.now()
    }

    fn pause(&self, wait: Duration) -> bool {
        let mut left = wait;
        while !left.is_zero() {
            let part = left.min(GLANCE);
            if self.ended.load(Ordering::Relaxed) || !self.clock.pause(part) {
                return false;
            }
            left -= part;
        }
        true
    }
}

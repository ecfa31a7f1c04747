//! A clock whose pauses end when the user wants to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use boinc::clock::{Clock, now};

use crate::platform::stop_sets;

/// A pause looks this often whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// The system's clock; stopped by Ctrl-C and termination signals.
#[derive(Debug)]
pub struct SystemClock {
    stop: Arc<AtomicBool>,
}

impl SystemClock {
    /// Catches the signals that ask to stop. The second one ends the process at once.
    ///
    /// # Errors
    /// The system refuses handlers.
    pub fn catching_signals() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        stop_sets(&stop)?;
        Ok(Self { stop })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> f64 {
        now()
    }

    fn pause(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        while !self.interrupted() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::park_timeout(left.min(LOOK));
        }
        false
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

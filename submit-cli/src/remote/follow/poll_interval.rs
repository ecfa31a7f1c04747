//! How long to wait before the server is asked again.

use std::time::Duration;

use boinc::backoff::Backoff;

/// The wait after something changed.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest wait while the project answers.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Each poll without a change makes the wait longer by this factor.
const GROWTH: f64 = 1.5;
/// A change makes it shorter by this factor: a steady trickle of results is not polled every five seconds.
const SHRINKING: f64 = 0.5;

/// Waits while the project cannot be reached.
const OUTAGE: Backoff = Backoff::endless(Duration::from_secs(10), Duration::from_secs(15 * 60));

/// The wait between two polls.
#[derive(Debug, Clone)]
pub struct PollInterval {
    wait: Duration,
    failures: u32,
}

impl Default for PollInterval {
    fn default() -> Self {
        Self { wait: SHORTEST, failures: 0 }
    }
}

impl PollInterval {
    /// The wait after a poll that brought this many changes.
    pub fn after(&mut self, changed: usize) -> Duration {
        // The first poll after an outage brings what happened meanwhile; it says nothing about how fast jobs finish.
        let factor = if changed > 0 { SHRINKING } else { GROWTH };
        self.failures = 0;
        self.wait = self.wait.mul_f64(factor).clamp(SHORTEST, LONGEST);
        self.wait
    }

    /// The wait after a poll that failed for a time; see [`Backoff::wait_for_server`].
    pub fn after_failure(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        OUTAGE.wait_for_server(self.failures, asked, chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(wait: Duration) -> u64 {
        wait.as_secs()
    }

    #[test]
    fn waits_grow_to_five_minutes_and_shrink_on_change() {
        let mut interval = PollInterval::default();
        let quiet: Vec<u64> = (0..12).map(|_| seconds(interval.after(0))).collect();
        assert_eq!(quiet, [7, 11, 16, 25, 37, 56, 85, 128, 192, 288, 300, 300]);
        assert_eq!(seconds(interval.after(3)), 150);
        let busy: Vec<u64> = (0..6).map(|_| seconds(interval.after(1))).collect();
        assert_eq!(busy, [75, 37, 18, 9, 5, 5]);
    }

    #[test]
    fn while_the_project_is_down_waits_double_within_their_share() {
        let mut interval = PollInterval::default();
        let all: Vec<u64> = (0..9).map(|_| seconds(interval.after_failure(None, 1.0))).collect();
        assert_eq!(all, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
        let mut interval = PollInterval::default();
        assert_eq!(seconds(interval.after_failure(None, 0.0)), 5);
        interval.after(0);
        assert_eq!(seconds(interval.after_failure(None, 0.0)), 5, "an answer starts from the beginning");
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_up_to_a_quarter_of_an_hour() {
        let mut interval = PollInterval::default();
        assert_eq!(seconds(interval.after_failure(Some(Duration::from_secs(120)), 0.5)), 121);
        assert_eq!(seconds(interval.after_failure(Some(Duration::from_secs(86_400)), 0.5)), 900);
    }
}

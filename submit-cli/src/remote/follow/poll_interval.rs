//! How long to wait before the server is asked again.

use std::time::Duration;

/// The wait after something changed.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest wait while the project answers.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Each poll without a change makes the wait so much longer.
const GROWTH: f64 = 1.5;
/// A change makes it so much shorter, so that a steady trickle of results is not asked for every five seconds.
const SHRINKING: f64 = 0.5;

/// The first wait after the project could not be reached.
const FIRST_WHEN_DOWN: Duration = Duration::from_secs(10);
/// The longest, whatever the server asks for.
const LONGEST_WHEN_DOWN: Duration = Duration::from_secs(15 * 60);

/// The present pace. Waits are shared out by a fraction `chance` of 0 to 1, so that many who lost the same server do not
/// come back in the same second.
#[derive(Debug, Clone)]
pub struct Pace {
    wait: Duration,
    failures: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { wait: SHORTEST, failures: 0 }
    }
}

impl Pace {
    /// The wait after a poll that brought so many changes.
    pub fn after(&mut self, changed: usize) -> Duration {
        // The first poll after an outage brings what happened meanwhile; it says nothing about the pace of jobs.
        let factor = if changed > 0 { SHRINKING } else { GROWTH };
        self.failures = 0;
        self.wait = self.wait.mul_f64(factor).clamp(SHORTEST, LONGEST);
        self.wait
    }

    /// The wait after a poll that failed for a time: twice as long each time, by chance between half of it and all. What
    /// the server asks for is kept.
    pub fn after_failure(&mut self, retry_after: Option<Duration>, chance: f64) -> Duration {
        let whole = FIRST_WHEN_DOWN.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WHEN_DOWN);
        self.failures += 1;
        let ours = whole.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
        ours.max(retry_after.unwrap_or_default()).min(LONGEST_WHEN_DOWN)
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
        let mut pace = Pace::default();
        let quiet: Vec<u64> = (0..12).map(|_| seconds(pace.after(0))).collect();
        assert_eq!(quiet, [7, 11, 16, 25, 37, 56, 85, 128, 192, 288, 300, 300]);
        assert_eq!(seconds(pace.after(3)), 150);
        let busy: Vec<u64> = (0..6).map(|_| seconds(pace.after(1))).collect();
        assert_eq!(busy, [75, 37, 18, 9, 5, 5]);
    }

    #[test]
    fn while_the_project_is_down_waits_double_within_their_share() {
        let mut pace = Pace::default();
        let all: Vec<u64> = (0..9).map(|_| seconds(pace.after_failure(None, 1.0))).collect();
        assert_eq!(all, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
        let mut pace = Pace::default();
        assert_eq!(seconds(pace.after_failure(None, 0.0)), 5);
        pace.after(0);
        assert_eq!(seconds(pace.after_failure(None, 0.0)), 5, "an answer starts anew");
    }

    #[test]
    fn what_the_server_asks_for_is_kept_up_to_a_quarter_of_an_hour() {
        let mut pace = Pace::default();
        assert_eq!(seconds(pace.after_failure(Some(Duration::from_secs(120)), 0.5)), 120);
        assert_eq!(seconds(pace.after_failure(Some(Duration::from_secs(86_400)), 0.5)), 900);
    }
}

//! The wait before something that failed is tried again.

use std::time::Duration;

/// Waits that double from one failure to the next.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Number of tries in all, at least 1.
    pub tries: u32,
    /// The wait after the first failure.
    pub first_wait: Duration,
    /// No wait is longer, unless a server asks for it.
    pub longest_wait: Duration,
    /// No wait is longer, whatever a server asks for.
    pub longest_asked: Duration,
}

impl Backoff {
    /// A policy without a last try, for waits that no server influences.
    pub const fn endless(first_wait: Duration, longest_wait: Duration) -> Self {
        Self { tries: u32::MAX, first_wait, longest_wait, longest_asked: longest_wait }
    }

    /// The wait after this many failures in a row, from 1.
    pub fn wait(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }

    /// The wait for a server that others wait for too: `chance`, from 0 to 1, places it between half of [`wait`](Self::wait)
    /// and all of it, so that not all come back in the same second. It is never shorter than the server asks for (the HTTP
    /// header `Retry-After`).
    pub fn wait_for_server(&self, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let spread = self.wait(failures).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        match asked {
            Some(asked) => spread.max(asked.saturating_add(spread / 4)).min(self.longest_asked),
            None => spread,
        }
    }

    /// Whether this many failures in a row were the last try.
    pub fn is_used_up(&self, failures: u32) -> bool {
        failures >= self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: f64) -> Duration {
        Duration::from_secs_f64(n)
    }

    fn policy() -> Backoff {
        Backoff {
            tries: 3,
            first_wait: seconds(1.0),
            longest_wait: seconds(10.0),
            longest_asked: seconds(60.0),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        for (failures, wait) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (99, 10.0)] {
            assert_eq!(policy().wait(failures), seconds(wait));
            assert_eq!(policy().wait_for_server(failures, None, 0.0), seconds(wait / 2.0));
            assert_eq!(policy().wait_for_server(failures, None, 1.0), seconds(wait));
        }
        let endless = Backoff::endless(Duration::MAX, Duration::MAX);
        assert_eq!(endless.wait(u32::MAX), Duration::MAX);
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_up_to_a_bound() {
        let wait = |asked| policy().wait_for_server(1, Some(asked), 0.0);
        assert_eq!(wait(seconds(0.0)), seconds(0.5));
        assert_eq!(wait(seconds(30.0)), seconds(30.125));
        assert_eq!(wait(seconds(3600.0)), seconds(60.0));
        assert_eq!(wait(Duration::from_secs(u64::MAX)), seconds(60.0));
    }

    #[test]
    fn the_last_try_is_counted() {
        assert_eq!([1, 2, 3, 4].map(|failures| policy().is_used_up(failures)), [false, false, true, true]);
        assert!(!Backoff::endless(seconds(1.0), seconds(2.0)).is_used_up(1 << 20));
    }
}

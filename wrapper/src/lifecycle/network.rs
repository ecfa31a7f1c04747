//! What a job waits for when the network is suspended or broken.

use std::time::Duration;

/// Attempts that failed while this host could reach the project's server, after which the job may be at fault.
const MAX_FAILURES: u32 = 6;
/// And this must have passed since the first of them: a mirror or a registry may be away for a night.
const MIN_TIME: Duration = Duration::from_secs(24 * 3_600);
/// The delay after each of them; the last one is repeated. They add up to more than [`MIN_TIME`].
const DELAYS: [Duration; 6] = [
    Duration::from_secs(60),
    Duration::from_secs(900),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(8 * 3_600),
    Duration::from_secs(8 * 3_600),
];
/// The delay while the host is offline.
pub(super) const OFFLINE_DELAY: Duration = Duration::from_secs(600);

/// What the client says about its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// There was no heartbeat yet. Calls that need the network wait for the first one, but not for long.
    Unknown,
    /// It may be used.
    Allowed,
    /// The volunteer has suspended it.
    Suspended,
}

/// How often work that needs the network failed while the host was online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkFailures {
    /// Failures of earlier lives in this slot.
    pub count: u32,
    /// The time since the first of them.
    pub since_first: Duration,
}

impl NetworkFailures {
    /// The delay until the next attempt after one more failure; `None` if the job has had all its attempts.
    pub(super) fn next_delay(self) -> Option<Duration> {
        let is_last = self.count + 1 >= MAX_FAILURES && self.since_first >= MIN_TIME;
        let last = DELAYS[DELAYS.len() - 1];
        (!is_last).then(|| DELAYS.get(self.count as usize).copied().unwrap_or(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_fails_for_the_network_after_six_attempts_in_a_day_or_more() {
        let mut failures = NetworkFailures::default();
        while let Some(delay) = failures.next_delay() {
            failures.count += 1;
            failures.since_first += delay;
            assert!(failures.count < 10);
        }
        assert!(failures.count + 1 >= MAX_FAILURES, "{failures:?}");
        assert!(failures.since_first >= MIN_TIME, "{failures:?}");
        let quick = NetworkFailures { count: 100, since_first: Duration::from_secs(3_600) };
        assert!(quick.next_delay().is_some(), "many attempts in an hour prove nothing");
    }
}

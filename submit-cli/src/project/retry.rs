//! When a request that changes nothing is tried again, and how long that waits.

use std::time::Duration;

use super::error::ProjectError;

/// Waits.
pub trait Pause {
    /// Waits so long; `false` if that was interrupted and nothing more is to be tried.
    fn pause(&mut self, wait: Duration) -> bool;
}

/// How often and how long. Only for requests that can be repeated: queries and downloads.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// So many tries in all, at least 1.
    pub tries: u32,
    /// The first wait; each further one is twice as long.
    pub first_wait: Duration,
    /// No wait is longer, whatever the server asks for.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 5, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(120) }
    }
}

impl RetryPolicy {
    /// Calls `request` until it succeeds, fails with an error that no waiting mends, or the tries are used up.
    ///
    /// # Errors
    /// The last try's.
    pub fn run<T>(
        &self,
        pause: &mut dyn Pause,
        mut request: impl FnMut() -> Result<T, ProjectError>,
    ) -> Result<T, ProjectError> {
        let mut tried = 1;
        loop {
            let error = match request() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if !error.try_again()
                || tried >= self.tries
                || !pause.pause(self.wait(tried, &error, fastrand::f64()))
            {
                return Err(error);
            }
            tried += 1;
        }
    }

    /// The wait after so many tries; `share` from 0 to 1 spreads those who failed together. The server's wish is a minimum.
    fn wait(&self, tried: u32, error: &ProjectError, share: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(1u32.checked_shl(tried - 1).unwrap_or(u32::MAX));
        let spread = doubled.min(self.longest_wait).mul_f64(0.5 + share / 2.0);
        let wished = error.retry_after().map_or(Duration::ZERO, |wish| wish.saturating_add(spread / 4));
        spread.max(wished).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes waits, and breaks off at one of them.
    #[derive(Default)]
    struct Noted {
        waits: Vec<Duration>,
        interrupted_at: Option<usize>,
    }

    impl Pause for Noted {
        fn pause(&mut self, wait: Duration) -> bool {
            self.waits.push(wait);
            self.interrupted_at != Some(self.waits.len())
        }
    }

    fn lost() -> ProjectError {
        ProjectError::LostReply { url: "u".into(), reason: "cut".into() }
    }

    fn seconds(n: f64) -> Duration {
        Duration::from_secs_f64(n)
    }

    #[test]
    fn waits_grow_are_spread_and_have_an_end() {
        let policy = RetryPolicy { tries: 9, first_wait: seconds(1.0), longest_wait: seconds(10.0) };
        for (tried, least, most) in
            [(1, 0.5, 1.0), (2, 1.0, 2.0), (3, 2.0, 4.0), (4, 4.0, 8.0), (5, 5.0, 10.0), (99, 5.0, 10.0)]
        {
            assert_eq!(policy.wait(tried, &lost(), 0.0), seconds(least));
            assert_eq!(policy.wait(tried, &lost(), 1.0), seconds(most));
        }
        let mut pause = Noted::default();
        assert!(policy.run(&mut pause, || Err::<(), _>(lost())).is_err());
        assert_eq!(pause.waits.len(), 8);
        assert!(pause.waits.iter().all(|wait| (seconds(0.5)..=seconds(10.0)).contains(wait)));
    }

    #[test]
    fn the_servers_wish_is_honoured_up_to_the_longest_wait() {
        let policy = RetryPolicy { tries: 3, first_wait: seconds(1.0), longest_wait: seconds(60.0) };
        let closed =
            |wish| ProjectError::Maintenance { message: "m".into(), retry_after: Some(seconds(wish)) };
        assert_eq!(policy.wait(1, &closed(30.0), 0.0), seconds(30.125));
        assert_eq!(policy.wait(1, &closed(3600.0), 0.0), seconds(60.0));
    }

    #[test]
    fn no_wish_of_a_server_is_too_long() {
        let policy = RetryPolicy { tries: 9, first_wait: seconds(8.0), longest_wait: seconds(60.0) };
        let error = ProjectError::Maintenance {
            message: "m".into(),
            retry_after: Some(Duration::from_secs(u64::MAX)),
        };
        assert_eq!(policy.wait(1, &error, 1.0), seconds(60.0));
    }

    #[test]
    fn only_what_waiting_can_mend_is_tried_again() {
        let mut pause = Noted::default();
        let refused = RetryPolicy::default().run(&mut pause, || Err::<(), _>(ProjectError::BadAuthenticator));
        assert!(matches!(refused, Err(ProjectError::BadAuthenticator)));
        assert!(pause.waits.is_empty());

        let mut answers = vec![Ok(7), Err(lost()), Err(lost())];
        assert_eq!(RetryPolicy::default().run(&mut pause, || answers.pop().unwrap()).unwrap(), 7);
        assert_eq!(pause.waits.len(), 2);
    }

    #[test]
    fn an_interruption_ends_it() {
        let mut pause = Noted { interrupted_at: Some(1), ..Noted::default() };
        assert!(RetryPolicy::default().run(&mut pause, || Err::<(), _>(lost())).is_err());
        assert_eq!(pause.waits.len(), 1);
    }
}

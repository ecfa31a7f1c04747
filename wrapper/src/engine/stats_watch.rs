//! The figures of a container of which neither processes nor cgroup are seen here: the engine is asked for them.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::cli::CliEngine;
use super::output::Stats;
use super::transport::{Cancel, Transport};

/// How often the engine is asked at least, and at most. What a container uses after the last answer is never known.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// The time between two questions is this part of the time that has passed: a short job is asked for often.
const SHARE: u32 = 20;

/// Asks on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(super) struct StatsWatch {
    latest: Arc<Mutex<Option<Stats>>>,
    cancel: Cancel,
    _stop: Sender<()>,
}

impl StatsWatch {
    /// Begins to ask for the figures of a container.
    pub(super) fn start<T: Transport + Clone + 'static>(engine: &CliEngine<T>, container: &str) -> Self {
        let latest = Arc::new(Mutex::new(None));
        let cancel = Cancel::default();
        let (stop, stopped) = channel::<()>();
        let (engine, container, answer) =
            (engine.with_cancel(cancel.clone()), container.to_owned(), latest.clone());
        thread::spawn(move || {
            let began = Instant::now();
            loop {
                // The last figures stay: it may have ended, or the engine is away.
                if let Ok(stats) = engine.stats(&container) {
                    *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(stats);
                }
                if stopped.recv_timeout(interval(began.elapsed())) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { latest, cancel, _stop: stop }
    }

    /// The last answer, if there was one.
    pub(super) fn latest(&self) -> Option<Stats> {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StatsWatch {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// How long to wait for the next question this long after the first.
fn interval(elapsed: Duration) -> Duration {
    (elapsed / SHARE).clamp(AT_MOST_EVERY, AT_LEAST_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_container_runs_the_less_often_it_is_asked_for() {
        let seconds = [0, 10, 60, 10_000].map(|elapsed| interval(Duration::from_secs(elapsed)).as_secs());
        assert_eq!(seconds, [1, 1, 3, 10]);
    }
}

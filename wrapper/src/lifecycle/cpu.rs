//! CPU time over restarts of the wrapper, of the container and of the host.

/// Adds up CPU seconds; what it tells never falls.
///
/// A container's counter starts at zero each time the container is started, so what earlier lives used is kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuLedger {
    earlier_seconds: f64,
    current_seconds: f64,
}

impl CpuLedger {
    /// Begins with what is known from before: the client's `wu_cpu_time` or our own note, whichever is more.
    pub fn new(earlier_seconds: f64) -> Self {
        Self { earlier_seconds: finite(earlier_seconds), current_seconds: 0.0 }
    }

    /// Takes up a container that has been running: `base_seconds` were used before its counter began.
    pub fn attach(&mut self, base_seconds: f64) {
        let known = self.total_seconds();
        self.earlier_seconds = finite(base_seconds);
        self.current_seconds = (known - self.earlier_seconds).max(0.0);
    }

    /// The container's counter now, in seconds.
    pub fn observe(&mut self, counter_seconds: f64) {
        self.current_seconds = self.current_seconds.max(finite(counter_seconds));
    }

    /// The container was started again: its counter begins at zero.
    pub fn restarted(&mut self) {
        self.earlier_seconds = self.total_seconds();
        self.current_seconds = 0.0;
    }

    /// CPU seconds before the present container's counter began.
    pub fn base_seconds(&self) -> f64 {
        self.earlier_seconds
    }

    /// CPU seconds in all.
    pub fn total_seconds(&self) -> f64 {
        self.earlier_seconds + self.current_seconds
    }
}

fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() && seconds > 0.0 { seconds } else { 0.0 }
}

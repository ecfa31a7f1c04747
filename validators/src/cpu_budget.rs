//! How much processor time a rule may take: one that a submitter wrote could be slow on purpose, and the daemon runs one
//! after the other. A slow disk is nobody's fault, so time by the clock does not count.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::platform::cpu_time as used;

/// What any rule may take, however small the outputs are.
const LEAST: Duration = Duration::from_millis(80);

/// What a rule may take for each byte of the outputs, in nanoseconds. The slowest of honest rules, a table whose rows are
/// in another order, takes a tenth of it.
const NANOSECONDS_A_BYTE: u64 = 1_000;

/// Until when this process may judge, in processor time of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuBudget {
    until: Option<Duration>,
}

/// The time is used up.
#[derive(Debug, thiserror::Error)]
#[error("the CPU time for validating it is used up")]
struct BudgetExceeded;

impl CpuBudget {
    /// As long as it takes.
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// What a rule may take of this process's processor time, from now on.
    pub(crate) fn of(time: Duration) -> Self {
        Self { until: Some(used() + time) }
    }

    /// A file that can be read until then.
    pub(crate) fn reader(self, file: &File) -> Reader<'_> {
        Reader { file, budget: self }
    }

    /// Does something that may take longer without reading: a pattern on one long line can. What is not done in time is
    /// left to itself, and ends with this process.
    ///
    /// # Errors
    /// The time is used up, which [`is_exceeded`] tells.
    pub(crate) fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let Some(until) = self.until else { return Ok(work()) };
        let (over, done) = mpsc::channel();
        std::thread::Builder::new().spawn(move || {
            // Nobody listens if it took too long.
            let _ = over.send(work());
        })?;
        loop {
            let Some(left) = until.checked_sub(used()) else { return Err(io::Error::other(BudgetExceeded)) };
            // Processor time does not pass faster than time by the clock, and may pass slower.
            match done.recv_timeout(left.max(Duration::from_millis(1))) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("validation panicked")),
            }
        }
    }
}

/// What a submitter's rule may take for outputs of so many bytes, and never more than `most`.
pub(crate) fn allowance(bytes: u64, most: Duration) -> Duration {
    (LEAST + Duration::from_nanos(bytes.saturating_mul(NANOSECONDS_A_BYTE))).min(most)
}

/// Whether reading has failed because the time is used up.
pub(crate) fn is_exceeded(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<BudgetExceeded>())
}

/// A file that can be read as long as there is time.
pub(crate) struct Reader<'a> {
    file: &'a File,
    budget: CpuBudget,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget.until.is_some_and(|until| used() > until) {
            return Err(io::Error::other(BudgetExceeded));
        }
        self.file.read(buffer)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_nothing_is_given_up_too() {
        let spin = || {
            while !std::hint::black_box(false) {
                std::hint::spin_loop();
            }
        };
        let error = CpuBudget::of(Duration::from_millis(20)).run(spin).unwrap_err();
        assert!(is_exceeded(&error));
        assert_eq!(CpuBudget::unlimited().run(|| 7).unwrap(), 7);
    }

    #[test]
    fn time_grows_with_the_outputs_and_has_a_bound() {
        let minute = Duration::from_secs(60);
        assert_eq!(allowance(0, minute), Duration::from_millis(80));
        assert_eq!(allowance(1_000_000, minute), Duration::from_millis(1_080));
        assert_eq!(allowance(u64::MAX, minute), minute);
        assert_eq!(allowance(u64::MAX, Duration::from_secs(1)), Duration::from_secs(1));
    }
}

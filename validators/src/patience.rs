//! How much processor time a rule may take: one that a submitter wrote could be slow on purpose, and the daemon runs one
//! after the other. A slow disk is nobody's fault, so time by the clock does not count.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Until when this thread may judge, in processor time of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    until: Option<Duration>,
}

/// The time is used up.
#[derive(Debug, thiserror::Error)]
#[error("the time for judging it is used up")]
struct UsedUp;

impl Patience {
    /// As long as it takes.
    pub fn endless() -> Self {
        Self::default()
    }

    /// So many seconds of this thread's processor time, from now on.
    pub(crate) fn seconds(seconds: u32) -> Self {
        Self { until: Some(used() + Duration::from_secs(u64::from(seconds))) }
    }

    /// A file that can be read until then.
    pub(crate) fn reads(self, file: &File) -> Reader<'_> {
        Reader { file, patience: self }
    }
}

/// Whether reading has failed because the time is used up.
pub(crate) fn is_used_up(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<UsedUp>())
}

/// A file that can be read as long as there is time.
pub(crate) struct Reader<'a> {
    file: &'a File,
    patience: Patience,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.patience.until.is_some_and(|until| used() > until) {
            return Err(io::Error::other(UsedUp));
        }
        self.file.read(buffer)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Processor time that this thread has used.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

//! The client's process.

use super::sysctl::start_time;
use crate::platform::unix::process_exists;

/// The client's process, told from a later one with the same id by its start time. The client may be another user's.
#[derive(Debug)]
pub struct ClientProcess {
    pid: u32,
    started: Option<(i64, i32)>,
}

impl ClientProcess {
    /// The process that has this id now.
    pub fn open(pid: u32) -> Self {
        Self { pid, started: start_time(pid) }
    }

    /// Whether it still runs.
    pub fn is_there(&self) -> bool {
        process_exists(self.pid) && (self.started.is_none() || start_time(self.pid) == self.started)
    }
}

//! How a wrapper's life can end, and what each end tells the client.

use std::time::Duration;

use super::network::{NetworkFailures, OFFLINE_DELAY};

/// Exit statuses the client and server know by name (BOINC: lib/error_numbers.h).
pub mod exit_code {
    /// The client told us to abort.
    pub const ABORTED_BY_CLIENT: i32 = 194;
    /// The program ended well but its outputs are not as declared.
    pub const CHILD_FAILED: i32 = 195;
    /// Over the disk or file limit.
    pub const DISK_LIMIT_EXCEEDED: i32 = 196;
    /// Killed by the kernel for memory.
    pub const MEM_LIMIT_EXCEEDED: i32 = 198;
    /// Could not be started: refused, or its image can't be built.
    pub const INIT_FAILURE: i32 = 206;
}

/// A failure's exit status and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the client and the server see as exit status.
    pub code: i32,
    /// One line for stderr.txt and the finish file.
    pub why: String,
}

/// Why a job is tried later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postponed {
    /// The host lacks something.
    Host,
    /// Work that needs the network failed while the host was online.
    Network,
    /// The host is offline. That counts for nothing.
    Offline,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The job succeeded.
    Success,
    /// The job failed; the client must not start it again.
    Failed(Failure),
    /// This host can't run it now; the client starts it again after the delay.
    TryLater {
        /// No sooner than this.
        delay: Duration,
        /// One line for the volunteer.
        why: String,
        /// What it counts as.
        postponed: Postponed,
    },
    /// The client wanted us to leave, or is gone: it will start us again in this slot.
    Quit,
    /// The client gave the job up.
    Aborted {
        /// The engine has said that there is no container any more. On a slow host it may still be removing one.
        removed: bool,
    },
}

impl Ending {
    /// A failure with this status and cause.
    pub fn failed(code: i32, why: impl Into<String>) -> Self {
        Ending::Failed(Failure { code, why: why.into() })
    }

    /// The process's exit status.
    pub fn process_status(&self) -> i32 {
        match self {
            Ending::Success | Ending::Quit | Ending::TryLater { .. } => 0,
            Ending::Failed(failure) => failure.code,
            Ending::Aborted { .. } => exit_code::ABORTED_BY_CLIENT,
        }
    }

    /// What to do when the host can't run the job, the `attempt`-th time (counted from 0): wait longer each time. A host's fault
    /// never fails a job that can still be of use; after its deadline (`is_overdue`) the server has given it to another host.
    pub fn host_cannot(attempt: u32, is_overdue: bool, why: String) -> Self {
        const DELAYS_SECONDS: [u64; 8] = [60, 120, 300, 900, 3_600, 7_200, 14_400, 28_800];
        let last = DELAYS_SECONDS.len() - 1;
        let attempt = attempt as usize;
        if attempt > last && is_overdue {
            let why = format!("given up after {attempt} attempts, since the deadline has passed: {why}");
            return Ending::failed(exit_code::INIT_FAILURE, why);
        }
        let delay = Duration::from_secs(DELAYS_SECONDS[attempt.min(last)]);
        Ending::TryLater { delay, why, postponed: Postponed::Host }
    }

    /// What to do when work that needs the network failed. While the host is offline nothing speaks against the job.
    pub fn network_failed(failures: NetworkFailures, online: bool, why: String) -> Self {
        if !online {
            let why = format!("this host is offline: {why}");
            return Ending::TryLater { delay: OFFLINE_DELAY, why, postponed: Postponed::Offline };
        }
        match failures.next_delay() {
            Some(delay) => Ending::TryLater { delay, why, postponed: Postponed::Network },
            None => Ending::failed(
                exit_code::INIT_FAILURE,
                format!("given up after {} attempts with a working network: {why}", failures.count + 1),
            ),
        }
    }
}

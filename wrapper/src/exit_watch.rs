//! Notices the end of a container's first process.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::engine::{Cancel, Invocation, NativeTransport, Transport};
use crate::pidfd_info;
use crate::wake::Bell;

/// One way or the other.
#[derive(Debug)]
pub enum ExitWatch {
    /// The kernel tells within a millisecond: the process is visible here.
    Process(OwnedFd),
    /// A waiting `wait` of the engine's, for a process in another PID namespace.
    Command {
        /// Set when it returned.
        over: Arc<AtomicBool>,
        /// Ends it.
        cancel: Cancel,
    },
}

impl ExitWatch {
    /// Watches the process `pid`; `None` if it is gone already.
    pub fn on_process(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        pidfd_open(pid, PidfdFlags::empty()).ok().map(ExitWatch::Process)
    }

    /// Watches by a waiting command of the engine.
    pub fn on_command(program: PathBuf, container: &str, bell: Bell) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cancel = Cancel::default();
        let wait =
            Invocation::new(program).args(["wait", container]).timeout(Duration::from_secs(366 * 86_400));
        let watch = ExitWatch::Command { over: over.clone(), cancel: cancel.clone() };
        thread::spawn(move || {
            // However it ends, the container has to be looked at.
            let _ = NativeTransport.run(&wait, &cancel);
            over.store(true, Ordering::SeqCst);
            bell.ring();
        });
        watch
    }

    /// To poll on, where there is a descriptor of its own.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            ExitWatch::Process(fd) => Some(fd.as_fd()),
            ExitWatch::Command { .. } => None,
        }
    }

    /// Whether the process that has ended ended with status 0; `None` if only the engine can tell.
    pub fn succeeded(&self) -> Option<bool> {
        match self {
            ExitWatch::Process(fd) => pidfd_info::succeeded(fd),
            ExitWatch::Command { .. } => None,
        }
    }

    /// Whether the end has come; `readable` says what the poll found.
    pub fn is_over(&self, readable: bool) -> bool {
        match self {
            ExitWatch::Process(_) => readable,
            ExitWatch::Command { over, .. } => over.load(Ordering::SeqCst),
        }
    }
}

impl Drop for ExitWatch {
    fn drop(&mut self) {
        if let ExitWatch::Command { cancel, .. } = self {
            cancel.cancel();
        }
    }
}

//! A process, told from a later one with the same id.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::exit_code;
use crate::platform::unix::pid;

/// A process that is watched for its end.
#[derive(Debug)]
pub struct ProcessWatch(OwnedFd);

impl ProcessWatch {
    /// Watches the process with this id.
    ///
    /// # Errors
    /// It is gone already, or cannot be seen.
    pub fn open(process: u32) -> io::Result<Self> {
        let pid = pid(process).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// Kills it. That it has ended already is as good.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
    }

    /// Waits for its end.
    pub fn wait(&self) {
        let mut polled = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        while poll(&mut polled, None).is_err_and(|error| error == rustix::io::Errno::INTR) {}
    }

    /// Whether the process, which has ended, ended by itself with status 0; `None` if the kernel cannot tell.
    pub fn succeeded(&self) -> Option<bool> {
        exit_code::succeeded(&self.0)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

//! Pipes of child processes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ChildStdin;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Our end of a child's stdout or stderr. Reading never waits.
#[derive(Debug)]
pub struct OutputPipe(OwnedFd);

impl OutputPipe {
    /// Takes the pipe over.
    ///
    /// # Errors
    /// Hardly ever.
    pub fn new(pipe: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = pipe.into();
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self(fd))
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing yet.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }

    pub(in crate::platform) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Our end of a child's stdin. Writing never waits.
#[derive(Debug)]
pub struct InputPipe(OwnedFd);

impl InputPipe {
    /// Takes the pipe over.
    ///
    /// # Errors
    /// Hardly ever.
    pub fn new(stdin: ChildStdin) -> io::Result<Self> {
        let fd = OwnedFd::from(stdin);
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self(fd))
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room yet.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    /// Waits until there is room or the time is up. It may return earlier.
    pub fn wait_for_room(&self, time: Duration) {
        wait(&mut [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::OUT)], time);
    }
}

/// Waits until one of the descriptors has something to read or has ended, or the time is up. It may return earlier.
pub(in crate::platform) fn wait_for_input<'a>(fds: impl Iterator<Item = BorrowedFd<'a>>, time: Duration) {
    let mut polled: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    wait(&mut polled, time);
}

/// An interrupted poll is as good as one that timed out.
fn wait(polled: &mut [PollFd<'_>], time: Duration) {
    let timeout = Timespec::try_from(time).ok();
    let _ = poll(polled, timeout.as_ref());
}

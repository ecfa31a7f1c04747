//! Child processes and their pipes.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process_group, set_parent_process_death_signal};

use super::{ProcessWatch, pid};

/// More than the kernel's 64 KiB means fewer switches between the two processes.
const PIPE_BYTES: usize = 1 << 20;

/// Starts a command in a process group of its own. It dies with the thread that starts it unless it `survives`.
///
/// # Errors
/// When it cannot be started.
#[expect(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]
pub fn spawn(command: &mut Command, survives: bool) -> io::Result<Child> {
    command.process_group(0);
    if !survives {
        // SAFETY: prctl(PR_SET_PDEATHSIG) is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
    }
    command.spawn()
}

/// Kills a child of [`spawn`] with all it started. That it is gone already is as good.
pub fn kill_group(child: &Child) {
    if let Some(group) = pid(child.id()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The signal that ended a process, if one did.
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

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
}

/// Waits until one of the pipes has something to read or has ended, until the process has ended, or until the time is up. It may
/// return earlier.
pub fn wait_for_output(pipes: [Option<&OutputPipe>; 2], exit: Option<&ProcessWatch>, time: Duration) {
    let pipes = pipes.into_iter().flatten().map(|pipe| pipe.0.as_fd());
    let fds = pipes.chain(exit.map(ProcessWatch::fd));
    let mut polled: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    wait(&mut polled, time);
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
        // Only speed depends on it; the kernel limits what an ordinary user may have.
        let _ = rustix::pipe::fcntl_setpipe_size(&fd, PIPE_BYTES);
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

/// An interrupted poll is as good as one that timed out.
fn wait(polled: &mut [PollFd<'_>], time: Duration) {
    let timeout = Timespec::try_from(time).ok();
    let _ = poll(polled, timeout.as_ref());
}

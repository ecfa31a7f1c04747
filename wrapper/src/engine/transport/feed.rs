//! A thread that writes a command's standard input.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Producer;
use super::native::LOOK_EVERY;

/// More than the kernel's 64 KiB means fewer switches between the two processes.
const PIPE_BYTES: usize = 1 << 20;

/// The running producer.
pub(super) struct Feed<'scope>(ScopedJoinHandle<'scope, Fed>);

/// What is left of a producer that has returned.
pub(super) struct Fed {
    /// The producer's own error; `None` if it succeeded, or if only its writes failed because the command ended.
    pub(super) error: Option<io::Error>,
    /// Still open after an error, so that the command does not see an end of its input before it is killed.
    _open: Option<OwnedFd>,
}

impl<'scope> Feed<'scope> {
    /// Starts the producer. Its writes fail once `stop` is set or the command has closed its input.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        producer: Producer<'scope>,
        stdin: ChildStdin,
        stop: &'scope AtomicBool,
    ) -> io::Result<Self> {
        let fd = OwnedFd::from(stdin);
        rustix::io::ioctl_fionbio(&fd, true)?;
        // Only speed depends on it; the kernel limits what an ordinary user may have.
        let _ = rustix::pipe::fcntl_setpipe_size(&fd, PIPE_BYTES);
        let mut pipe = InputPipe { fd, stop, failed: false };
        let feed = move || match producer(&mut pipe) {
            Ok(()) => Fed { error: None, _open: None },
            Err(_) if pipe.failed => Fed { error: None, _open: Some(pipe.fd) },
            Err(error) => Fed { error: Some(error), _open: Some(pipe.fd) },
        };
        Builder::new().name("engine-input".into()).spawn_scoped(scope, feed).map(Feed)
    }

    /// Whether the producer has returned.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the producer.
    pub(super) fn join(self) -> Fed {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The write end. Another process that has inherited the read end cannot block us: each write looks at `stop`.
struct InputPipe<'a> {
    fd: OwnedFd,
    stop: &'a AtomicBool,
    /// A write has failed, so the producer's error is a consequence.
    failed: bool,
}

impl Write for InputPipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::SeqCst) {
                self.failed = true;
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            match rustix::io::write(&self.fd, bytes) {
                Ok(count) => return Ok(count),
                // `Write::write_all` would try again at once and look at `stop` too.
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
                    // An interrupted poll is as good as one that timed out.
                    let _ = poll(
                        &mut [PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::OUT)],
                        Some(&timeout),
                    );
                }
                Err(error) => {
                    self.failed = true;
                    return Err(error.into());
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

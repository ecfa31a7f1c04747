//! A thread that writes a command's standard input.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::POLL_INTERVAL;
use super::Producer;
use crate::platform::InputPipe;

/// The running producer.
pub(super) struct Feed<'scope>(ScopedJoinHandle<'scope, Fed>);

/// What is left of a producer that has returned.
pub(super) struct Fed {
    /// The producer's own error; `None` if it succeeded, or if only its writes failed because the command ended.
    pub(super) error: Option<io::Error>,
    /// Still open after an error, so that the command does not see an end of its input before it is killed.
    _open: Option<InputPipe>,
}

impl<'scope> Feed<'scope> {
    /// Starts the producer. Its writes fail once `stop` is set or the command has closed its input.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        producer: Producer<'scope>,
        stdin: ChildStdin,
        stop: &'scope AtomicBool,
    ) -> io::Result<Self> {
        let mut input = Input { pipe: InputPipe::new(stdin)?, stop, failed: false };
        let feed = move || match producer(&mut input) {
            Ok(()) => Fed { error: None, _open: None },
            Err(_) if input.failed => Fed { error: None, _open: Some(input.pipe) },
            Err(error) => Fed { error: Some(error), _open: Some(input.pipe) },
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
struct Input<'a> {
    pipe: InputPipe,
    stop: &'a AtomicBool,
    /// A write has failed, so the producer's error is a consequence.
    failed: bool,
}

impl Write for Input<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::SeqCst) {
                self.failed = true;
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            match self.pipe.write(bytes) {
                Ok(count) => return Ok(count),
                // `Write::write_all` would try again at once and look at `stop` too.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pipe.wait_for_room(POLL_INTERVAL)
                }
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

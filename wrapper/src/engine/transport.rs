//! How the engine's program is reached.

mod feed;
mod host;
mod native;
mod run_podman;
mod script;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::command::Invocation;

pub use host::HostTransport;
pub use native::NativeTransport;
pub use run_podman::RUN_PODMAN_VARIABLE;

/// How often a cancellation is looked for while a command runs.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The wish to break off what runs, or to hold it for a while, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
    held: Arc<AtomicBool>,
    breaks_when_held: bool,
}

impl Cancel {
    /// Break off.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Start again.
    pub fn reset(&self) {
        self.cancelled.store(false, Ordering::SeqCst);
    }

    /// Whether to break off.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst) || (self.breaks_when_held && self.is_held())
    }

    /// Use no processor until this is `false` again.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    /// Whether no processor is to be used now.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// The same wish for commands that cannot be paused: being held breaks them off.
    #[must_use]
    pub fn breaking_when_held(&self) -> Self {
        Self { breaks_when_held: true, ..self.clone() }
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Exit status; −1 for a death by signal; 0 if a consumer stopped the command because it had read enough.
    pub status: i32,
    /// What was kept of stdout.
    pub stdout: Vec<u8>,
    /// What was kept of stderr.
    pub stderr: Vec<u8>,
}

/// Why there is nothing that came back.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The program can't be started.
    #[error("can't start {program}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Killed after its time.
    #[error("{command} did not end within {seconds} s")]
    TimedOut {
        /// The command.
        command: String,
        /// Its time.
        seconds: u64,
    },
    /// Killed at our own wish.
    #[error("cancelled")]
    Cancelled,
    /// The producer of its standard input failed. The command was killed before it could see the end of that input.
    #[error("failed to produce the input of {command}")]
    Input {
        /// The command.
        command: String,
        /// What the producer returned.
        #[source]
        source: io::Error,
    },
}

/// Writes a command's standard input; runs on a thread of its own. An error other than that of the writer it is given
/// kills the command: half an input is never taken for a whole one.
pub type Producer<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'a>;

/// Takes a command's standard output piece by piece. [`ControlFlow::Break`] kills the command, which is then a success.
pub type Consumer<'a> = &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>;

/// Runs a command and gives back what it said.
pub trait Transport: Send + Sync {
    /// Runs to the end, to the time-out, or until cancelled.
    ///
    /// # Errors
    /// When it could not be started, was cancelled or took too long; a non-zero exit status is no error here.
    fn run(&self, invocation: &Invocation, cancel: &Cancel) -> Result<Captured, TransportError> {
        self.stream(invocation, None, None, cancel)
    }

    /// Runs with a producer of its standard input (default: empty) and a consumer of its standard output (default: kept as
    /// [`Invocation::keep`] says). Memory does not grow with either.
    ///
    /// # Errors
    /// As [`Transport::run`], and [`TransportError::Input`] when the producer failed by itself.
    fn stream(
        &self,
        invocation: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
        cancel: &Cancel,
    ) -> Result<Captured, TransportError>;

    /// Whether the command leads to an engine in a virtual machine of Podman's.
    fn has_machine(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;

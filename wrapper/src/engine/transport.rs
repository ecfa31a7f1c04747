//! How the engine's program is reached.

mod native;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::command::Invocation;

pub use native::NativeTransport;

/// A wish to break off what runs, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Break off.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Start anew.
    pub fn reset(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether to break off.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Exit status; −1 for a death by signal.
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
}

/// Runs a command and gives back what it said.
pub trait Transport: Send {
    /// Runs to the end, to the time-out, or until cancelled.
    ///
    /// # Errors
    /// When it could not be started, was cancelled or took too long; a non-zero exit status is no error here.
    fn run(&self, invocation: &Invocation, cancel: &Cancel) -> Result<Captured, TransportError>;
}

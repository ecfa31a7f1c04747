//! Limits of a program.

use std::time::Duration;

/// What a script may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Ended after this, with all it started.
    pub timeout: Duration,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Largest file that it writes, in bytes.
    pub output_bytes: u64,
}

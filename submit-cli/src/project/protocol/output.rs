//! Outputs on their way back.

/// What a download brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Size of the whole file.
    pub total_bytes: u64,
    /// Bytes written by this call.
    pub written_bytes: u64,
    /// The server went on from where we were; if not, and an offset was asked for, the bytes before it were left out by us.
    pub resumed: bool,
}

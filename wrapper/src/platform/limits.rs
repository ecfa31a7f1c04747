//! Limits that the kernel holds processes to.

/// The most that this process, and what it starts, may raise its limits to; `None`: no limit.
#[derive(Clone, Copy, Debug)]
pub struct OwnLimits {
    /// Open descriptors of a process.
    pub open_files: Option<u64>,
    /// Processes and threads of the user.
    pub processes: Option<u64>,
}

/// The limits that the kernel holds a container to; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetLimits {
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

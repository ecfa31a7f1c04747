//! Processes of containers, of which none is seen.

use std::io;

/// Has no value: the process of a container that an engine names is one of the virtual machine.
#[derive(Clone, Debug)]
pub enum ProcessStat {}

impl ProcessStat {
    /// There is none.
    pub fn of(_pid: u32) -> Option<Self> {
        None
    }

    /// One letter.
    pub fn state(&self) -> &str {
        match *self {}
    }

    /// The parent's id.
    pub fn parent(&self) -> Option<u32> {
        match *self {}
    }

    /// Processor time in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        match *self {}
    }

    /// Its threads.
    pub fn threads(&self) -> u64 {
        match *self {}
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        match *self {}
    }
}

/// Has no value: the end of a container is told by a waiting command, that of a command by its pipes.
#[derive(Debug)]
pub enum ProcessWatch {}

impl ProcessWatch {
    /// Watches none.
    ///
    /// # Errors
    /// Always.
    pub fn open(_process: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Kills it.
    pub fn kill(&self) {
        match *self {}
    }

    /// Waits for its end.
    pub fn wait(&self) {
        match *self {}
    }

    /// Whether it ended with status 0.
    pub fn succeeded(&self) -> Option<bool> {
        match *self {}
    }
}

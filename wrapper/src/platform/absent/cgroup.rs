//! There are no cgroups.

use crate::platform::limits::SetLimits;

/// Has no value.
#[derive(Debug)]
pub enum Cgroup {}

impl Cgroup {
    /// There is none.
    pub fn open(_pid: u32, _container_id: &str) -> Option<Self> {
        None
    }

    /// CPU seconds.
    pub fn cpu_seconds(&self) -> Option<f64> {
        match *self {}
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> Option<f64> {
        match *self {}
    }

    /// Processes that were killed for memory.
    pub fn memory_kills(&self) -> Option<u64> {
        match *self {}
    }

    /// Forks that were refused.
    pub fn refused_forks(&self) -> Option<u64> {
        match *self {}
    }
}

/// Where a cgroup may appear: nowhere.
#[derive(Debug)]
pub struct NewCgroup;

impl NewCgroup {
    /// The places for this container.
    pub fn of(_container_id: &str) -> Self {
        Self
    }

    /// Opens it as soon as it is there.
    pub fn open(&self) -> Option<Cgroup> {
        None
    }
}

impl SetLimits {
    /// The limits are the virtual machine's to know.
    pub fn of(_pid: u32, _container_id: &str) -> Self {
        Self::default()
    }
}

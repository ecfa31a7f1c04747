//! What the main loop and the worker share.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use crate::engine::{CliEngine, HostTransport, Usage};
use crate::state::State;

/// What the main loop and the worker share.
#[derive(Debug)]
pub struct Shared {
    /// What is kept for the next life.
    pub state: Mutex<State>,
    pub container: Mutex<Option<Container>>,
    /// What the container used while it was being started.
    pub early_usage: Mutex<Option<Usage>>,
}

impl Shared {
    /// Locks the state. A thread that panicked would have ended the process.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes what the container used while it was being started, if that was seen.
    pub fn take_early_usage(&self) -> Option<Usage> {
        self.early_usage.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    pub fn container(&self) -> Option<Container> {
        self.container.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    /// The engine's id of it.
    pub id: String,
    pub engine: CliEngine<HostTransport>,
    /// Directories with what it wrote outside its mounts, where the engine tells and we may read.
    pub written: Vec<PathBuf>,
    /// Root in it is the user who runs the engine.
    pub rootless: bool,
    /// It is paused by stopping its processes.
    pub freezes_by_signal: bool,
}

impl Container {
    /// Whether the process `pid` of this host is the container's: it is not if we are in another PID namespace than the
    /// engine.
    pub fn owns(&self, pid: u32) -> bool {
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup"));
        membership.is_ok_and(|text| self.rootless || text.contains(&self.id))
    }
}

//! How this host's engines are reached.

use std::io;
use std::path::Path;

use super::super::command::Invocation;
use super::super::flavor::Flavor;
use super::native::NativeTransport;
use super::run_podman::RunPodman;
use super::{Cancel, Captured, Consumer, Producer, Transport, TransportError};
use crate::platform::PODMAN_HAS_MACHINE;

/// The transport of an engine on this host.
#[derive(Clone, Debug)]
pub enum HostTransport {
    /// The program runs as a child.
    Native {
        /// What it leads to is in a virtual machine of Podman's.
        has_machine: bool,
    },
    /// The program of BOINC's client for macOS runs it.
    RunPodman(RunPodman),
}

impl HostTransport {
    /// That of an engine of this flavour. `state` is a directory of ours, for a transport that needs files.
    ///
    /// # Errors
    /// When a directory in it cannot be made.
    pub fn of(flavor: Flavor, state: &Path) -> io::Result<Self> {
        if flavor != Flavor::Podman {
            return Ok(Self::Native { has_machine: false });
        }
        let helper = RunPodman::find(state)?;
        Ok(helper.map_or(Self::Native { has_machine: PODMAN_HAS_MACHINE }, Self::RunPodman))
    }
}

impl Transport for HostTransport {
    fn stream(
        &self,
        invocation: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
        cancel: &Cancel,
    ) -> Result<Captured, TransportError> {
        match self {
            Self::Native { .. } => NativeTransport.stream(invocation, input, output, cancel),
            Self::RunPodman(transport) => transport.stream(invocation, input, output, cancel),
        }
    }

    fn has_machine(&self) -> bool {
        match self {
            Self::Native { has_machine } => *has_machine,
            Self::RunPodman(transport) => transport.has_machine(),
        }
    }
}

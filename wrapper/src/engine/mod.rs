//! Docker or Podman, driven through its command line.
//!
//! A verb is a value ([`command::Invocation`]); a [`transport::Transport`] runs it; [`output`] turns what came back into
//! types. Success is the exit status, data is JSON; prose is looked at in one place only ([`error::classify`]).

mod chunk_reader;
mod cli;
mod client_config;
mod command;
mod error;
mod find;
mod flavor;
mod freeze;
mod hardening;
mod image;
mod info;
mod layer;
mod machine;
mod output;
mod started;
mod stats_watch;
mod steps;
mod transport;
mod usage;
mod users;
mod verbs;

pub use cli::CliEngine;
pub use command::Invocation;
pub use error::EngineError;
pub use find::{find, program_of};
pub use flavor::Flavor;
pub(crate) use freeze::{signals_of_processes, tree as process_tree};
pub use hardening::Hardening;
pub use image::ImageDetails;
pub use info::{EngineInfo, Users};
pub use machine::{Machine, MachineError};
pub(crate) use output::{Inspected, Status};
pub(crate) use started::killed_from_outside;
pub use transport::{
    Cancel, Captured, Consumer, HostTransport, NativeTransport, Producer, RUN_PODMAN_VARIABLE, Transport,
    TransportError,
};
pub(crate) use usage::{EarlyUsage, Usage, UsageReader};
pub use users::{ContainerUser, UserError};
pub use verbs::{ContainerSpec, Mount, OWNER_LABEL};
pub(crate) use verbs::{Gpu, LOG_LINES, StepSpec};

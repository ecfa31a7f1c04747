//! The front: what a client starts where the wrapper itself runs in another system, as on Windows, where it runs in a Linux
//! system of WSL.
//!
//! The front does what only a process of the client's own system can: it holds the slot's lock, reads the client's shared
//! memory, and writes stderr.txt and the files that tell the client how the task ended. Everything else is done by the
//! agent, which is the wrapper: the front starts it and talks to it in frames ([`boinc::frames`]). It never interprets
//! text of the agent's system, and it keeps no state between its lives: the state directory has one writer, the agent.
//!
//! - [`run`]: one life, from the slot's lock to the exit status
//! - [`sessions`]: starts agents until one says how the task ended
//! - [`session`]: one agent, from its start to its end
//! - [`stream`], [`silence`]: an agent's pipes, and how long nothing came
//! - [`client`]: the client's requests and heartbeats, and our reports
//! - [`agent`]: how an agent is started, and what its end means
//! - [`keeper`]: whether the agent's system has to run on after a quit
//! - [`task`], [`times`]: what to run, and how long to wait for what
//! - [`log`]: writes stderr.txt
//! - [`wsl`]: how an agent is started in WSL
//! - [`platform`]: what differs between operating systems

#![warn(clippy::print_stderr)]

pub mod agent;
mod client;
pub mod keeper;
pub mod log;
pub mod platform;
pub mod run;
mod session;
mod sessions;
mod silence;
mod stream;
pub mod task;
pub mod times;
pub mod wsl;

//! The life of one job as a pure function: `(job, event) -> (job, actions)`.
//!
//! No I/O, no clock and no environment here: time arrives in [`Event::Tick`], replies of the engine in
//! [`Event::Replied`]. There is never more than one call in flight; which call comes next follows from what the
//! client wants and what was last seen of the container, so that every restart simply begins with an inspect.

mod action;
mod cpu;
mod ending;
mod event;
mod job;
mod network;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use action::{Action, Call};
pub(crate) use cpu::CpuLedger;
pub use ending::exit_code;
pub(crate) use ending::{Ending, Postponed};
pub(crate) use event::{CallError, ContainerState, Event, Exited, Reply};
pub(crate) use job::Job;
pub(crate) use network::{Network, NetworkFailures};

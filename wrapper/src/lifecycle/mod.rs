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
mod step;
#[cfg(test)]
mod tests;

pub use action::{Action, Call};
pub use cpu::CpuLedger;
pub use ending::{Ending, Failure, exit_code};
pub use event::{CallError, ContainerState, Event, Exited, Reply};
pub use job::{Job, Wanted};

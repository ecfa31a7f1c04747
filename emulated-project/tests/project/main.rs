//! The emulation against what was recorded from a real server, and against its own promises.

mod campaign;
mod client;
mod faults;
mod pages;
mod recorded;
mod refusals;
mod story;
mod timing;
mod volunteers;

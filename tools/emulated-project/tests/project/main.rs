//! The emulation against what was recorded from a real server, and against its own promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod campaign;
mod client;
mod faults;
mod pages;
mod recorded;
mod refusals;
mod story;
mod timing;
mod volunteers;

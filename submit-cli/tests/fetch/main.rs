//! `buoy fetch` of a campaign that went to a project, over an emulated one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod collect;
mod command;
mod faults;
mod gone;
mod local_trouble;
mod other_servers;
mod support;

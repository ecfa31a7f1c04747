//! Following a campaign at an emulated project: what a submitter sees, and what the project is asked for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod abort;
mod logs;
mod polling;
mod sea;
mod verbs;
mod watching;

//! Requests to a project and what comes of its replies, against recorded ones and a server that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cut;
mod element;
mod faults;
mod login;
mod outputs;
mod recorded;
mod replies;
mod requests;
mod server;

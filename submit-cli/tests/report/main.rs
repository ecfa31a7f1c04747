//! `buoy report`: what is on the page, what a browser makes of it, and what hostile texts cannot do to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod content;
mod hostile;
mod local;
mod reading;
mod support;

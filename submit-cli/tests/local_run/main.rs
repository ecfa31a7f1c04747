//! `buoy run` with a wrapper that needs no container engine: what the emulated client and server make of what happens.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod ends;
mod interrupted;
mod quorum;
mod support;

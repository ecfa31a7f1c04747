//! `buoy run` with the real wrapper and real engines: a small app made from a static busybox.
//!
//! `BUOY_TEST_ENGINES` names the engines that must answer; without it, those are used that do.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod campaigns;
mod doctor;
mod route_scripts;
mod support;

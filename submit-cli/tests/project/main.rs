//! Campaigns on an emulated project, which answers as a stock one and loses what it is told to lose.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod bad_input;
mod campaign;
mod command;
mod kill;
mod limits;
mod lost;
mod odd_servers;
mod random;
mod single;
mod together;
mod verbose;

//! The wrapper: everything that runs on a volunteer's computer.

pub mod wire;

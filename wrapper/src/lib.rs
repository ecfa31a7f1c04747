//! The wrapper: everything that runs on a volunteer's computer.

pub mod argv;
pub mod naming;
pub mod wire;

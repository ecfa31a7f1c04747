//! The wrapper: everything that runs on a volunteer's computer.

pub mod argv;
pub mod config;
pub mod job_spec;
pub mod naming;
pub mod policy;
pub mod wire;

//! What a system does not have on which containers run in a virtual machine: their cgroups and processes. Types of which there
//! is no value.

mod cgroup;
mod process;

pub use cgroup::{Cgroup, NewCgroup};
pub use process::{ProcessStat, ProcessWatch};

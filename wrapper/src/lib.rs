//! The wrapper: everything that runs on a volunteer's computer.

// A line that can't be written must not end the job: see `log`.
#![warn(clippy::print_stderr)]

pub mod agent;
pub mod agent_lock;
mod assignment;
mod calls;
pub mod clean;
mod client_link;
mod digest;
pub mod distro_work;
mod driver;
pub mod engine;
mod exit_watch;
pub mod help;
pub mod image;
mod inbox;
mod job_files;
pub mod keeper;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod naming;
mod network_probe;
mod outbox;
pub mod peer;
pub mod platform;
pub mod run;
pub mod seccomp;
mod shared;
mod shared_files;
mod state;
pub mod state_dir;
mod task_data;
pub mod trial;
mod waker;
mod workdir;
mod worker;

//! The wrapper: everything that runs on a volunteer's computer.

// A line that can't be written must not end the job: see `log`.
#![warn(clippy::print_stderr)]

pub mod assignment;
pub mod calls;
pub mod clean;
pub mod client_link;
mod digest;
pub mod driver;
pub mod engine;
pub mod exit_watch;
pub mod image;
pub mod job_files;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod naming;
pub mod platform;
pub mod run;
pub mod seccomp;
pub mod shared;
pub mod state;
pub mod state_dir;
pub mod waker;
pub mod workdir;
pub mod worker;

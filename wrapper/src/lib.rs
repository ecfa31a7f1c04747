//! The wrapper: everything that runs on a volunteer's computer.

// A line that can't be written must not end the job: see `log`.
#![warn(clippy::print_stderr)]

pub mod archive;
pub mod argv;
pub mod assignment;
pub mod calls;
pub mod clean;
pub mod client_link;
pub mod config;
mod digest;
pub mod dockerfile;
pub mod driver;
pub mod engine;
pub mod exit_watch;
pub mod image;
pub mod job_files;
pub mod job_spec;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod naming;
pub mod nofollow;
mod pidfd_info;
pub mod policy;
mod process_stat;
pub mod run;
pub mod seccomp;
pub mod state;
pub mod state_dir;
pub mod visible;
pub mod wake;
pub mod wire;
pub mod workdir;
pub mod worker;

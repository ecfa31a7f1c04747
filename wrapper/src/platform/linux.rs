//! Linux.

mod cgroup;
mod child;
mod client;
mod daemon;
mod exit_code;
mod leftovers;
mod process_stat;
mod watch;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

pub use cgroup::{Cgroup, NewCgroup};
pub use child::{spawn, wait_for_output};
pub use client::ClientProcess;
pub use daemon::{docker_daemon_started, system_started};
pub use leftovers::kill_leftovers;
pub use process_stat::ProcessStat;
pub use watch::ProcessWatch;

/// Whether Podman runs containers in a virtual machine of its own.
pub const PODMAN_HAS_MACHINE: bool = false;

/// The program by which BOINC's client runs Podman, if it does not run it directly.
pub fn run_podman() -> Option<PathBuf> {
    None
}

/// Whether SELinux refuses what it has no rule for.
pub fn selinux_is_enforced() -> bool {
    std::fs::read("/sys/fs/selinux/enforce").is_ok_and(|text| text == b"1")
}

/// Lets the kernel wake this thread so much later than it asks for, together with another one, which costs less.
pub fn allow_late_wakeups(by: Duration) {
    let nanoseconds = u64::try_from(by.as_nanos()).ok().and_then(NonZeroU64::new);
    // Without it the kernel is only more punctual.
    let _ = rustix::thread::set_current_timer_slack(nanoseconds);
}

//! Processes of a container that its engine no longer knows of.
//!
//! A daemon of Docker that is killed in the middle of `start` finds the container not started when it comes back, while its
//! processes run on: they write into the work directory, and the container's name in containerd stays taken ("id
//! already in use"). They run as the slot's user, so we may end them.

use std::fs;

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::platform::unix::pid;

/// Kills what runs in the cgroup of the container `id` (64 hexadecimal digits), which its engine says is not running.
/// Gives how many processes that were.
pub fn kill_leftovers(id: &str) -> usize {
    if id.len() < 64 {
        return 0;
    }
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| kill_if_of(pid, id).is_some()).count()
}

fn kill_if_of(process: u32, id: &str) -> Option<()> {
    belongs(process, id).then_some(())?;
    // The descriptor is of this very process; only then is a second look worth anything.
    let descriptor = pidfd_open(pid(process)?, PidfdFlags::empty()).ok()?;
    belongs(process, id).then_some(())?;
    pidfd_send_signal(descriptor, Signal::KILL).ok()
}

fn belongs(pid: u32, id: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(id))
}

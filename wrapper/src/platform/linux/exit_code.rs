//! The exit status of a process that is not our child, from the kernel (Linux 6.15 and later).
//!
//! Asking the engine takes a command and the daemon's own time, some 40 ms; this takes as long as the process's parent needs
//! to reap it. Source: include/uapi/linux/pidfd.h, `PIDFD_GET_INFO`.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::ioctl::{Updater, ioctl, opcode};

/// `struct pidfd_info` in its first form, 64 bytes; later kernels fill in as much of theirs.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_INFO_EXIT`: asks for the exit code; still set in the answer if it is there.
const EXIT: u64 = 1 << 3;
const GET_INFO: rustix::ioctl::Opcode = opcode::read_write::<PidfdInfo>(0xFF, 11);

/// The status is there once the parent has reaped the process, which it does at once as a rule.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(2);

/// Whether the process behind this descriptor, which has ended, ended by itself with status 0. `None` if the kernel can't tell.
pub fn succeeded(pidfd: impl AsFd) -> Option<bool> {
    for _ in 0..TRIES {
        let info = ask(&pidfd)?;
        if info.mask & EXIT != 0 {
            return Some(info.exit_code == 0);
        }
        std::thread::sleep(BETWEEN);
    }
    None
}

#[expect(unsafe_code, reason = "an ioctl that rustix does not know")]
fn ask(pidfd: impl AsFd) -> Option<PidfdInfo> {
    let mut info = PidfdInfo { mask: EXIT, ..PidfdInfo::default() };
    // SAFETY: the operation's number holds the size of `PidfdInfo`, so that the kernel reads and writes no more than that;
    // any bytes are valid values of its fields. A descriptor of another kind is answered with an error.
    unsafe { ioctl(pidfd, Updater::<GET_INFO, PidfdInfo>::new(&mut info)) }.ok()?;
    Some(info)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    /// Ends a shell with this command, and asks; `None` where the kernel is too old.
    fn status_of(command: &str) -> Option<bool> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("read line; {command}")]);
        let mut child = shell.stdin(Stdio::piped()).spawn().unwrap();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        succeeded(&pidfd)
    }

    #[test]
    fn success_is_told_from_failure_and_from_a_kill() {
        let answers = [status_of("exit 0"), status_of("exit 3"), status_of("kill -9 $$")];
        assert!(
            answers == [Some(true), Some(false), Some(false)] || answers == [None; 3],
            "a kernel tells all or nothing: {answers:?}"
        );
    }
}

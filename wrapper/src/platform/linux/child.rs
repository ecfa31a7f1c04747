//! Child processes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::ProcessWatch;
use crate::platform::unix::{OutputPipe, wait_for_input};

/// More than the kernel's 64 KiB means fewer switches between the two processes.
const PIPE_BYTES: usize = 1 << 20;

/// Starts a command in a process group of its own. It dies with the thread that starts it unless it `survives`.
///
/// # Errors
/// When it cannot be started.
#[expect(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]
pub fn spawn(command: &mut Command, survives: bool) -> io::Result<Child> {
    command.process_group(0);
    if !survives {
        // SAFETY: prctl(PR_SET_PDEATHSIG) is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
    }
    let child = command.spawn()?;
    if let Some(stdin) = &child.stdin {
        // Only speed depends on it; the kernel limits what an ordinary user may have.
        let _ = rustix::pipe::fcntl_setpipe_size(stdin, PIPE_BYTES);
    }
    Ok(child)
}

/// Waits until one of the pipes has something to read or has ended, until the process has ended, or until the time is up. It may
/// return earlier.
pub fn wait_for_output(pipes: [Option<&OutputPipe>; 2], exit: Option<&ProcessWatch>, time: Duration) {
    let pipes = pipes.into_iter().flatten().map(OutputPipe::fd);
    wait_for_input(pipes.chain(exit.map(ProcessWatch::fd)), time);
}

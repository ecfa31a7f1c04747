//! Child processes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use crate::platform::absent::ProcessWatch;
use crate::platform::unix::{OutputPipe, wait_for_input};

/// Starts a command in a process group of its own. The kernel ends no process with its parent: a command that is not to survive
/// is ended by the transport, or runs to its end when this process is killed.
///
/// # Errors
/// When it cannot be started.
pub fn spawn(command: &mut Command, _survives: bool) -> io::Result<Child> {
    command.process_group(0).spawn()
}

/// Waits until one of the pipes has something to read or has ended, or until the time is up. It may return earlier.
pub fn wait_for_output(pipes: [Option<&OutputPipe>; 2], exit: Option<&ProcessWatch>, time: Duration) {
    if let Some(watch) = exit {
        watch.wait();
    }
    wait_for_input(pipes.into_iter().flatten().map(OutputPipe::fd), time);
}

//! Linux and macOS.

mod pipes;

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::limits::OwnLimits;
pub(super) use pipes::wait_for_input;
pub use pipes::{InputPipe, OutputPipe};

/// No core file of this process or of what it starts: a core would go to a program of the host, past all limits of a job.
pub fn forbid_core_files() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
}

/// This process's limits.
pub fn own_limits() -> OwnLimits {
    OwnLimits {
        open_files: getrlimit(Resource::Nofile).maximum,
        processes: getrlimit(Resource::Nproc).maximum,
    }
}

/// How long stderr.txt is; 0 where stderr is not a file.
pub fn size_of_stderr() -> u64 {
    let file = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).ok().filter(Metadata::is_file).map_or(0, |file| file.len())
}

/// The kernel's reason why a connection to `endpoint` (`unix:///var/run/docker.sock`) is impossible; `None` if a process
/// accepts it, or the endpoint is not a socket of this computer.
pub fn unreachable(endpoint: &str) -> Option<io::ErrorKind> {
    UnixStream::connect(endpoint.strip_prefix("unix://")?).err().map(|error| error.kind())
}

/// Has `tell` called, on a thread of its own, whenever this process is asked to stop.
///
/// # Errors
/// When the process can have no thread or descriptor.
pub fn on_stop(tell: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(|_| tell()))?;
    Ok(())
}

/// Kills a child that is the first of its process group, with all others of that group. That it is gone already is as good.
pub fn kill_group(child: &Child) {
    if let Some(group) = pid(child.id()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Kills a process. One that has ended meanwhile does nothing any more.
pub fn kill_process(process: u32) {
    signal(process, Signal::KILL);
}

/// The signal that ended a process, if one did.
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Makes a process stand still. One that has ended meanwhile does nothing any more. `false`: it is another user's.
pub fn stop_process(process: u32) -> bool {
    signal(process, Signal::STOP)
}

/// Lets a process continue that stands still. `false`: it is another user's.
pub fn continue_process(process: u32) -> bool {
    signal(process, Signal::CONT)
}

/// How nice we are to other processes: what the client has set by the volunteer's preferences.
pub fn own_niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap_or(0)
}

/// Makes a process this nice. One of another user stays as it is.
pub fn set_niceness(process: u32, niceness: i32) {
    let _ = rustix::process::setpriority_process(pid(process), niceness);
}

/// Whether there is a process with this id, seen from here or not.
pub fn process_exists(process: u32) -> bool {
    let asked = pid(process).map(rustix::process::test_kill_process);
    asked.is_some_and(|answer| !answer.is_err_and(|error| error == Errno::SRCH))
}

fn signal(process: u32, signal: Signal) -> bool {
    let sent = pid(process).map(|pid| rustix::process::kill_process(pid, signal));
    sent != Some(Err(Errno::PERM))
}

pub(super) fn pid(process: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(process).ok()?)
}

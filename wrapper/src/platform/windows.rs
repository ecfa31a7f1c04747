//! Windows. No container runs here: a volunteer's wrapper runs in WSL, with a front in its place on Windows, and submitters use
//! what wrappers know about jobs and engines. So a command of an engine is refused when it is to be started, and what would need
//! one that runs does nothing.

use std::io;
use std::os::windows::io::OwnedHandle;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::time::Duration;

use super::absent::ProcessWatch;
use super::limits::OwnLimits;

/// Whether Podman runs containers in a virtual machine of its own.
pub const PODMAN_HAS_MACHINE: bool = false;

/// The program by which BOINC's client runs Podman: none.
pub fn run_podman() -> Option<PathBuf> {
    None
}

/// There is no SELinux.
pub fn selinux_is_enforced() -> bool {
    false
}

/// There are no core files.
pub fn forbid_core_files() {}

/// There are no limits.
pub fn own_limits() -> OwnLimits {
    OwnLimits { open_files: None, processes: None }
}

/// stderr.txt is the front's.
pub fn size_of_stderr() -> u64 {
    0
}

/// Windows asks the front to stop.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn on_stop(_tell: impl Fn() + Send + 'static) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Timers are as late as they are.
pub fn allow_late_wakeups(_by: Duration) {}

/// Refuses to start an engine's command.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn spawn(_command: &mut Command, _survives: bool) -> io::Result<Child> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "containers run on Linux or in a WSL distro"))
}

/// Kills a child.
pub fn kill_group(_child: &Child) {}

/// Kills a process.
pub fn kill_process(_process: u32) {}

/// The signal that ended a process: there are none.
pub fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// Makes a process stand still, which is not done here.
pub fn stop_process(_process: u32) -> bool {
    false
}

/// Lets a process continue.
pub fn continue_process(_process: u32) -> bool {
    false
}

/// No process is nicer than another.
pub fn own_niceness() -> i32 {
    0
}

/// Leaves a process as it is.
pub fn set_niceness(_process: u32, _niceness: i32) {}

/// Whether there is a process with this id: those of containers are not seen.
pub fn process_exists(_process: u32) -> bool {
    false
}

/// When this host was booted: not known.
pub fn system_started() -> f64 {
    0.0
}

/// When Docker's daemon was started: not known.
pub fn docker_daemon_started(_endpoint: &str) -> Option<f64> {
    None
}

/// Why a socket cannot be reached: not known.
pub fn unreachable(_endpoint: &str) -> Option<io::ErrorKind> {
    None
}

/// Processes of containers are not seen, and none can be ended from here.
pub fn kill_leftovers(_id: &str) -> usize {
    0
}

/// The client's process. The front watches it; from here none is seen.
#[derive(Debug)]
pub struct ClientProcess;

impl ClientProcess {
    /// The process that has this id.
    pub fn open(_pid: u32) -> Self {
        Self
    }

    /// Whether it still runs.
    pub fn is_there(&self) -> bool {
        false
    }
}

/// Has no value: no command runs.
#[derive(Debug)]
pub enum OutputPipe {}

impl OutputPipe {
    /// There is none.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn new(_pipe: impl Into<OwnedHandle>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// Never.
    pub fn read(&self, _buffer: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

/// Has no value: no command runs.
#[derive(Debug)]
pub enum InputPipe {}

impl InputPipe {
    /// There is none.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn new(_stdin: ChildStdin) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// Never.
    pub fn write(&self, _bytes: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    /// Waits until there is room.
    pub fn wait_for_room(&self, _time: Duration) {
        match *self {}
    }
}

/// Waits until one of the pipes has something to read: there are none.
pub fn wait_for_output(_pipes: [Option<&OutputPipe>; 2], _exit: Option<&ProcessWatch>, _time: Duration) {}

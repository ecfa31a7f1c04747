//! macOS. Engines run in a virtual machine, so that no process of a container is seen here and no cgroup: what cannot be had
//! answers `None`, and types of which there is no value are in `absent`.

mod child;
mod client;
mod sysctl;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use child::{spawn, wait_for_output};
pub use client::ClientProcess;
pub use sysctl::system_started;

/// Whether Podman runs containers in a virtual machine of its own.
pub const PODMAN_HAS_MACHINE: bool = true;

/// The program by which BOINC's client runs Podman, if it is installed. The client knows it in this place alone, wherever its
/// data directory is (lib/hostinfo.cpp, `docker_cli_prog`).
pub fn run_podman() -> Option<PathBuf> {
    let program = Path::new("/Library/Application Support/BOINC Data/Run_Podman");
    program.is_file().then(|| program.to_owned())
}

/// There is no SELinux. That of the virtual machine has a rule for shared folders.
pub fn selinux_is_enforced() -> bool {
    false
}

/// The kernel puts wakeups together by itself.
pub fn allow_late_wakeups(_by: Duration) {}

/// Docker's daemon is in a virtual machine.
pub fn docker_daemon_started(_endpoint: &str) -> Option<f64> {
    None
}

/// Processes of containers are in a virtual machine, where none can be ended from here.
pub fn kill_leftovers(_id: &str) -> usize {
    0
}

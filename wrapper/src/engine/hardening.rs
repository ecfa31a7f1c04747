//! What holds every container of ours: jobs, steps of builds, scripts on a server.

use std::ffi::OsString;
use std::path::PathBuf;

use super::command::Invocation;
use super::flavor::Flavor;
use crate::platform::own_limits;

/// Processes of the container's user on the host in all, with Podman. What a container itself may have is in `pids`.
const USERS_PROCESSES: u64 = 16_384;

/// Descriptors that a process may have open. A daemon's own limit can be a thousand million, and programs that close each
/// possible descriptor when they start would take minutes.
const OPEN_FILES: u64 = 16_384;

/// Options of `create` that keep a container from the host and bound what it takes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardening {
    /// `uid:gid` or names that the image knows; empty: as the image says.
    pub user: String,
    /// No user namespace of its own, also where the engine's settings give containers one.
    pub host_user_namespace: bool,
    /// Capabilities that it keeps. All others are dropped for good.
    pub capabilities: &'static [&'static str],
    /// Whether it has a network.
    pub network: bool,
    /// Bytes of memory, 0 for no limit.
    pub memory_bytes: u64,
    /// Processors, 0 for no limit.
    pub cpus: f64,
    /// Most processes at one time.
    pub pids: u64,
    /// Bytes of the largest file that it may write, 0 for no limit.
    pub file_bytes: u64,
    /// Bytes of log that the engine keeps.
    pub log_bytes: u64,
    /// The file with the profile of system calls; `None`: the engine's own profile.
    pub seccomp: Option<PathBuf>,
    /// The OCI runtime; `None`: the engine's own choice.
    pub runtime: Option<String>,
}

impl Hardening {
    pub(super) fn apply(&self, mut command: Invocation, flavor: Flavor) -> Invocation {
        // An image that vanished must be made again, never fetched under its name from somewhere. A health check would run
        // for as long as the job does, and nothing looks at its result.
        command = command.args(["--pull", "never", "--no-healthcheck"]);
        if !self.user.is_empty() {
            command = command.args(["--user", &self.user]);
        }
        if self.host_user_namespace {
            command = command.args(["--userns", "host"]);
        }
        command = command.args(["--cap-drop", "ALL"]);
        for capability in self.capabilities {
            command = command.args(["--cap-add", capability]);
        }
        command = command.args(["--security-opt", "no-new-privileges"]);
        if let Some(profile) = &self.seccomp {
            let mut option = OsString::from("seccomp=");
            option.push(profile);
            command = command.arg("--security-opt").arg(option);
        }
        if let Some(runtime) = &self.runtime {
            command = command.args(["--runtime", runtime]);
        }
        if flavor.passes_proxy_itself() {
            command = command.arg("--http-proxy=false");
        }
        for limit in self.ulimits(flavor) {
            command = command.args(["--ulimit", &limit]);
        }
        if !self.network {
            command = command.args(["--network", "none"]);
        }
        command = command.arg("--pids-limit").arg(self.pids.to_string());
        if self.memory_bytes > 0 {
            // The same figure for memory and swap together means no swap: a job that does not fit must not thrash.
            let bytes = format!("{}b", self.memory_bytes);
            command = command.args(["--memory", &bytes, "--memory-swap", &bytes]);
            // What is in it counts as memory. The engines' own size, 64 MB, fails programs that share more.
            command = command.args(["--shm-size", &bytes]);
        }
        if self.cpus > 0.0 {
            command = command.arg("--cpus").arg(format!("{:.3}", self.cpus));
        }
        command = command.args(["--log-driver", flavor.log_driver()]);
        for option in flavor.log_options(self.log_bytes) {
            command = command.arg("--log-opt").arg(option);
        }
        command
    }

    fn ulimits(&self, flavor: Flavor) -> Vec<String> {
        let own = own_limits();
        // A core dump would go to a program of the host.
        let mut limits = vec!["core=0".to_owned()];
        if self.file_bytes > 0 {
            limits.push(format!("fsize={}", self.file_bytes));
        }
        // Without root's rights nobody can have more than this process.
        let files = own.open_files.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
        limits.push(format!("nofile={files}:{files}"));
        if flavor == Flavor::Podman {
            // With one limit given it sets this one too, to more than it may have a right to, for it lowers its own
            // (`pkg/specgen/generate/oci_linux.go`, `addRlimits`).
            let processes = own.processes.map_or(USERS_PROCESSES, |most| most.min(USERS_PROCESSES));
            limits.push(format!("nproc={processes}:{processes}"));
        }
        limits
    }
}

//! `init_data.xml`: what a client tells an app about the task, the host and the volunteer's wishes.
//!
//! Written by `lib/app_ipc.cpp` (`write_init_data_file`), `lib/hostinfo.cpp`, `lib/wslinfo.cpp` and
//! `lib/proxy_info.cpp`. Old clients leave tags out and new ones add some, so what is missing has a
//! default (the field says which) and what is unknown is skipped.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::file_error::FileError;
use crate::xml::{Element, End, MAX_DEPTH, Xml};

mod cleaned;
mod host;
mod proxy;
mod read;
mod values;
mod write;

pub use host::{DockerType, EngineInfo, HostInfo, WslDistro};
pub use proxy::{ProxyInfo, ProxyServer};

/// Name of the file in a slot.
pub const INIT_DATA_FILE: &str = "init_data.xml";

/// Why there are no init data.
#[derive(Debug, thiserror::Error)]
pub enum InitDataError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text holds no `<app_init_data>`.
    #[error("init data have no <app_init_data>: this is not a file that a BOINC client writes")]
    NoStart,
    /// The text ends inside `<app_init_data>`.
    #[error("init data end before </app_init_data>: the client was cut off while it wrote them")]
    NoEnd,
    /// Elements lie within each other deeper than a client writes them.
    #[error(
        "invalid init data: more than {} elements within each other; a BOINC client writes five levels",
        MAX_DEPTH
    )]
    TooDeep,
    /// The text is not made of tags.
    #[error("init data cannot be parsed: {0}")]
    Syntax(String),
}

/// A text that stays out of logs: Debug and Display show only whether it is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is no secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(hidden)" })
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "" } else { "***" })
    }
}

/// What `<app_init_data>` holds. Text defaults to empty and numbers to 0 where no other default is named.
#[derive(Debug, Clone, PartialEq)]
pub struct InitData {
    /// Version of the client.
    pub major_version: i32,
    /// Version of the client.
    pub minor_version: i32,
    /// Version of the client.
    pub release: i32,
    /// Version number of the app version, as 100 × major + minor.
    pub app_version: i32,
    /// The BOINC app's name.
    pub app_name: String,
    /// The plan class; empty if the app version has none.
    pub plan_class: String,
    /// The volunteer's id at the project.
    pub userid: i32,
    /// The volunteer's team.
    pub teamid: i32,
    /// The host's id at the project.
    pub hostid: i32,
    /// The volunteer's name.
    pub user_name: String,
    /// The team's name.
    pub team_name: String,
    /// The project's directory, absolute: where all its files lie on this host.
    pub project_dir: PathBuf,
    /// The client's data directory, absolute.
    pub boinc_dir: PathBuf,
    /// The volunteer's account key: never log or pass on.
    pub authenticator: Secret,
    /// The workunit's name.
    pub wu_name: String,
    /// The result's name, `<wu_name>_<n>`.
    pub result_name: String,
    /// Unix: −1 for the mapped file in the slot, else a System V key. `None` if missing: no shared memory.
    pub shm_key: Option<i32>,
    /// Windows: name of the shared memory.
    pub comm_obj_name: Option<String>,
    /// Number of the slot.
    pub slot: i32,
    /// The client's process. `None` if missing or not a process id.
    pub client_pid: Option<i32>,
    /// CPU seconds of earlier runs, up to the last checkpoint: what this run counts from.
    pub wu_cpu_time: f64,
    /// Wall-clock seconds of earlier runs, up to the last checkpoint.
    pub starting_elapsed_time: f64,
    /// The client runs apps as another user (macOS and Linux services).
    pub using_sandbox: bool,
    /// Seconds between checkpoints that the volunteer wishes. Default 300 (`DEFAULT_CHECKPOINT_PERIOD`).
    pub checkpoint_period: f64,
    /// Where this app's share of the task's progress begins.
    pub fraction_done_start: f64,
    /// Where it ends. Default 1.
    pub fraction_done_end: f64,
    /// `NVIDIA`, `ATI`, `intel_gpu`, another vendor; empty without a GPU.
    pub gpu_type: String,
    /// Number of the assigned GPU among those of its vendor. Default −1: none.
    pub gpu_device_num: i32,
    /// The assigned GPU's index in OpenCL's list. Default −1: none.
    pub gpu_opencl_dev_index: i32,
    /// How much of a GPU the task may use, 1 = all of it.
    pub gpu_usage: f64,
    /// Processors that the task may use, maybe a fraction. Default 1; the client's own default of 0 would
    /// make a limit of nothing.
    pub ncpus: f64,
    /// Estimated floating-point operations.
    pub rsc_fpops_est: f64,
    /// The client aborts the task beyond these.
    pub rsc_fpops_bound: f64,
    /// Memory bound in bytes; 0 = unknown.
    pub rsc_memory_bound: f64,
    /// Disk bound in bytes; 0 = unknown.
    pub rsc_disk_bound: f64,
    /// When the result must be back, in seconds since 1970.
    pub computation_deadline: f64,
    /// The volunteer wishes that process priorities are left alone.
    pub no_priority_change: bool,
    /// Priority for normal apps: −1 default (lowest), else 0 lowest to 4 highest (`lib/cc_config.h`).
    pub process_priority: i32,
    /// Priority for GPU apps and wrappers; same scale.
    pub process_priority_special: i32,
    /// What `<host_info>` says.
    pub host_info: HostInfo,
    /// The proxy to use; `None` unless the file names a server.
    pub proxy_info: Option<ProxyInfo>,
    /// The leaf elements of `<global_preferences>`, in order.
    pub global_preferences: Vec<(String, String)>,
    /// Physical names of the app version's files: these were signed by the project.
    pub app_files: Vec<String>,
}

/// What an empty `<app_init_data>` says.
impl Default for InitData {
    fn default() -> Self {
        read::init_data(&Element::default())
    }
}

impl InitData {
    /// Reads `init_data.xml` of a slot. Directories that a client of Windows names are found from the slot.
    ///
    /// # Errors
    /// The file cannot be read, or a client has not finished writing it.
    pub fn read(slot: &Path) -> Result<Self, InitDataError> {
        let path = slot.join(INIT_DATA_FILE);
        let data = Self::parse(&std::fs::read(&path).map_err(FileError::new("cannot read", &path))?)?;
        Ok(data.relocated(slot))
    }

    /// With the directories of a client of Windows as seen from the slot, which is `DATA/slots/N`. Such a client writes their
    /// paths with the characters of its code page, and in WSL they have other paths anyway.
    #[must_use]
    pub fn relocated(mut self, slot: &Path) -> Self {
        let text = self.project_dir.to_string_lossy();
        let has_drive = matches!(text.as_bytes(), [b'A'..=b'Z' | b'a'..=b'z', b':', b'/' | b'\\', ..]);
        let name = text.rsplit(['/', '\\']).next().filter(|name| !matches!(*name, "" | "." | ".."));
        let slot = std::path::absolute(slot).unwrap_or_default();
        if let (true, Some(name), Some(data)) = (has_drive, name, slot.ancestors().nth(2)) {
            self.project_dir = data.join("projects").join(name);
            self.boinc_dir = data.to_owned();
        }
        self
    }

    /// Reads the bytes of an init_data.xml.
    ///
    /// # Errors
    /// There is no whole `<app_init_data>` element.
    pub fn parse(bytes: &[u8]) -> Result<Self, InitDataError> {
        let xml = Xml::read(bytes);
        let root = xml.find("app_init_data");
        if let Some(root) = root.filter(|root| root.is_closed()) {
            return Ok(read::init_data(root));
        }
        // Whatever comes after the element does not matter, but this stopped its reading.
        for fault in &xml.faults {
            match fault.end {
                Some(End::TooDeep) => return Err(InitDataError::TooDeep),
                Some(End::Broken) => return Err(InitDataError::Syntax(fault.what.clone())),
                None => {}
            }
        }
        Err(if root.is_none() { InitDataError::NoStart } else { InitDataError::NoEnd })
    }

    /// The file as a client writes it. Control characters other than tab and line ends are dropped.
    pub fn render(&self) -> String {
        write::init_data(self)
    }

    /// The form that a container may see: what a science app can use for its work and nothing that tells
    /// who the volunteer is, where files lie on the host, or how to reach the client. An allow-list, so a
    /// tag that a future client adds stays outside.
    pub fn cleaned(&self) -> String {
        cleaned::init_data(self)
    }

    /// The last component of the project's directory, which names containers (`samples/docker_wrapper`).
    pub fn project_name(&self) -> Option<&str> {
        self.project_dir.file_name()?.to_str()
    }

    /// Maps a job's own progress, 0 to 1, into the part of the task that this app does.
    pub fn overall_fraction(&self, fraction: f64) -> f64 {
        self.fraction_done_start
            + fraction.clamp(0.0, 1.0) * (self.fraction_done_end - self.fraction_done_start)
    }
}

#[cfg(test)]
mod tests;

//! What a job may ask for, and who says so. See docs/policy.md.
//!
//! Files of the app version were signed by the project; workunit files came from a submitter. So a
//! `job.toml` of the app version gets what it asks for, and one of a workunit what the app version's
//! `policy.toml` allows. The volunteer's own `buoy-volunteer.toml` in the client's data directory, which no
//! project can write, tightens both.

mod check;
mod read;
mod trust;

pub use check::{Refusal, matches as matches_pattern};
pub use trust::{Trust, trust_of};

use crate::file_error::{FileError, if_found};
use crate::job::spec::JobSpec;
use crate::toml_file::ConfigErrors;
use crate::wire::init_data::InitData;
use std::path::{Path, PathBuf};

/// The project's policy: a file of the app version.
pub const POLICY_FILE: &str = "policy.toml";

/// The volunteer's own: a file in the client's data directory.
pub const VOLUNTEER_FILE: &str = "buoy-volunteer.toml";

/// Default of `max_files`: files and directories in a work directory.
pub const DEFAULT_MAX_FILES: u64 = 100_000;

/// Default of `max_log_bytes`: 10 MB of a container's output; the server keeps 63 KB.
pub const DEFAULT_MAX_LOG_BYTES: u64 = 10_000_000;

/// Default of `pids`: processes and threads of a job.
pub const DEFAULT_PIDS: u64 = 1024;

/// Default of `keep_wsl_seconds`: an hour.
pub const DEFAULT_KEEP_WSL_SECONDS: u64 = 3_600;

/// Where an agent, which runs in a Linux system on Windows, has a job's work directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkDirectory {
    /// In the file system of that Linux system.
    Distro,
    /// In the slot, on a drive of Windows.
    Slot,
}

/// A policy could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file has mistakes.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// What one file says; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rules {
    network: Option<bool>,
    builds: Option<bool>,
    build_network: Option<bool>,
    /// Patterns with `*` for any text.
    base_images: Option<Vec<String>>,
    gpu: Option<bool>,
    project_dir: Option<bool>,
    ports: Option<bool>,
    /// Host directories below which a job may mount.
    mounts: Option<Vec<PathBuf>>,
    /// Words that `create_args` may hold.
    create_args: Option<Vec<String>>,
    /// Patterns with `*` for any text.
    image_names: Option<Vec<String>>,
    max_files: Option<u64>,
    max_log_bytes: Option<u64>,
    pids: Option<u64>,
    memory_bytes: Option<u64>,
    cpus: Option<f64>,
    work_directory: Option<WorkDirectory>,
    keep_wsl_seconds: Option<u64>,
    /// The OCI runtime of containers; in the volunteer's file only.
    runtime: Option<String>,
    /// Containers may do without the user namespace that the daemon gives them; in the volunteer's file only.
    host_user_namespace: Option<bool>,
}

impl Rules {
    /// The rules for workunits with the gaps filled: nothing that reaches out of the container.
    fn or_defaults(self) -> Self {
        Self {
            network: self.network.or(Some(false)),
            builds: self.builds.or(Some(true)),
            build_network: self.build_network.or(Some(true)),
            gpu: self.gpu.or(Some(false)),
            project_dir: self.project_dir.or(Some(false)),
            ports: self.ports.or(Some(false)),
            mounts: self.mounts.or_else(|| Some(Vec::new())),
            create_args: self.create_args.or_else(|| Some(Vec::new())),
            image_names: self.image_names.or_else(|| Some(Vec::new())),
            max_files: self.max_files.or(Some(DEFAULT_MAX_FILES)),
            max_log_bytes: self.max_log_bytes.or(Some(DEFAULT_MAX_LOG_BYTES)),
            pids: self.pids.or(Some(DEFAULT_PIDS)),
            runtime: None,
            host_user_namespace: None,
            ..self
        }
    }
}

/// The rules that hold on this host for this app version.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// For workunits; no gaps but base images, memory and cpus.
    project: Rules,
    /// Whether the project's rules come from a file.
    project_file: bool,
    /// For everybody.
    volunteer: Rules,
    ignored_workunit_policy: bool,
}

/// Bounds of one run: what the job asks for and everybody allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunLimits {
    /// Files and directories in the work directory.
    pub max_files: u64,
    /// Bytes of the container's output that are kept.
    pub max_log_bytes: u64,
    /// Processes and threads at a time.
    pub pids: u64,
    /// Bytes of memory; `None`: the workunit's `rsc_memory_bound` alone counts.
    pub memory_bytes: Option<u64>,
    /// Processors; `None`: the `ncpus` of init_data.xml alone counts.
    pub cpus: Option<f64>,
}

impl Policy {
    /// The rules of an app version without a `policy.toml`: a workunit gets no network while it runs, no
    /// GPU, ports, mounts, project directory, raw options or foreign images; its image may be built with
    /// network.
    pub fn none() -> Self {
        Self {
            project: Rules::default().or_defaults(),
            project_file: false,
            volunteer: Rules::default(),
            ignored_workunit_policy: false,
        }
    }

    /// The rules of a `policy.toml`; what it leaves out is as in [`Policy::none`].
    ///
    /// # Errors
    /// All mistakes at once, each with line and key.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let project = read::rules(text, POLICY_FILE)?.or_defaults();
        Ok(Self { project, project_file: true, ..Self::none() })
    }

    /// Adds the volunteer's own file. It holds for jobs of the app version too, and what it allows is
    /// still subject to the project's policy: it can only tighten.
    ///
    /// # Errors
    /// All mistakes at once, each with line and key.
    pub fn tightened(self, volunteer_file: &str) -> Result<Self, ConfigErrors> {
        Ok(Self { volunteer: read::rules(volunteer_file, VOLUNTEER_FILE)?, ..self })
    }

    /// The rules for a slot: its `policy.toml`, if it belongs to the app version, and the volunteer's file,
    /// if there is one. A workunit's own `policy.toml` counts for nothing.
    ///
    /// # Errors
    /// A file cannot be read or has mistakes. Nothing should run then: the rules are not known.
    pub fn load(slot: &Path, init: &InitData) -> Result<Self, PolicyError> {
        let mut policy = Self::none();
        if slot.join(POLICY_FILE).symlink_metadata().is_ok() {
            match trust::signed_content(slot, POLICY_FILE, init) {
                Some(bytes) => policy = Self::parse(&String::from_utf8_lossy(&bytes))?,
                None => policy.ignored_workunit_policy = true,
            }
        }
        let path = init.boinc_dir.join(VOLUNTEER_FILE);
        if init.boinc_dir.as_os_str().is_empty() {
            return Ok(policy);
        }
        match if_found(std::fs::read_to_string(&path)).map_err(FileError::new("cannot read", &path))? {
            Some(text) => Ok(policy.tightened(&text)?),
            None => Ok(policy),
        }
    }

    /// Whether the slot holds a `policy.toml` that did not come with the app version: worth a line in the log.
    pub fn ignored_workunit_policy(&self) -> bool {
        self.ignored_workunit_policy
    }

    /// What the job asks for and may not have, in the order of docs/policy.md; empty if all is allowed.
    /// Looks up the host's directories that the job wants to mount.
    pub fn check(&self, spec: &JobSpec, trust: Trust) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if trust == Trust::Workunit {
            let giver = match self.project_file {
                true => "policy.toml of the app version has",
                false => "the app version has no policy.toml, so workunits have",
            };
            refusals.extend(check::refusals(&self.project, giver, spec));
        }
        refusals.extend(check::refusals(&self.volunteer, "buoy-volunteer.toml of this host has", spec));
        refusals
    }

    /// The bounds of a run of this job. Only of use if [`Policy::check`] found nothing.
    pub fn limits(&self, spec: &JobSpec, trust: Trust) -> RunLimits {
        let (asked, project, volunteer) = (&spec.limits, &self.project, &self.volunteer);
        // The project's rules have no gaps here.
        let bound = |asked: Option<u64>, project: Option<u64>, volunteer: Option<u64>| {
            let project = project.filter(|_| trust == Trust::Workunit || asked.is_none());
            [asked, project, volunteer].into_iter().flatten().min().unwrap_or(u64::MAX)
        };
        let for_workunits = |value| if trust == Trust::Workunit { value } else { None };
        RunLimits {
            max_files: bound(asked.max_files, project.max_files, volunteer.max_files),
            max_log_bytes: bound(asked.max_log_bytes, project.max_log_bytes, volunteer.max_log_bytes),
            pids: bound(asked.pids, project.pids, volunteer.pids),
            memory_bytes: for_workunits(project.memory_bytes).into_iter().chain(volunteer.memory_bytes).min(),
            cpus: match trust {
                Trust::Workunit => least(project.cpus, volunteer.cpus),
                Trust::AppVersion => volunteer.cpus,
            },
        }
    }

    /// Whether an image may be built with network.
    pub fn build_network(&self, trust: Trust) -> bool {
        let project = trust == Trust::AppVersion || self.project.build_network != Some(false);
        project && self.volunteer.build_network != Some(false)
    }

    /// Lists of patterns, each of which has to allow a base image of a build.
    pub fn base_images(&self, trust: Trust) -> Vec<Vec<String>> {
        let project = self.project.base_images.iter().filter(|_| trust == Trust::Workunit);
        project.chain(&self.volunteer.base_images).cloned().collect()
    }

    /// Whether a job's container may do without the user namespace that the engine's daemon gives containers. Only the
    /// volunteer can allow that, whose protection it weakens.
    pub fn host_user_namespace(&self) -> bool {
        self.volunteer.host_user_namespace == Some(true)
    }

    /// Where an agent has work directories. The volunteer, whose disk it is, decides; else the project.
    pub fn work_directory(&self) -> WorkDirectory {
        let said = self.volunteer.work_directory.or(self.project.work_directory);
        said.unwrap_or(WorkDirectory::Distro)
    }

    /// For how many seconds WSL is kept running after a quit, so that a paused job survives; 0: not at all. The volunteer,
    /// whose memory it takes, decides; else the project.
    pub fn keep_wsl_seconds(&self) -> u64 {
        let said = self.volunteer.keep_wsl_seconds.or(self.project.keep_wsl_seconds);
        said.unwrap_or(DEFAULT_KEEP_WSL_SECONDS)
    }

    /// The OCI runtime that the volunteer wants for containers.
    pub fn runtime(&self) -> Option<&str> {
        self.volunteer.runtime.as_deref()
    }
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;

//! A science app as `app.toml` describes it, valid by construction.
//!
//! The format is described in docs/app-toml.md; [`AppSpec`] is read by `app::parse`.

pub mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use boinc::job::argv::DEFAULT_DOCKERFILE;
use boinc::job::spec::{ContainerPath, Digest, PassArgs};
use validators::spec::{AssimilateSpec, ValidateSpec};

use crate::plan::command::Command;
use boinc::diagnostic::{Located, Location};

/// A science app: the program, its image, its files, what it needs and how its results are judged.
#[derive(Debug, Clone)]
pub struct AppSpec {
    /// `[a-z0-9][a-z0-9-]{0,23}`; part of each workunit's name.
    pub name: String,
    /// Free text of the submitter.
    pub version: String,
    /// One line; may be empty.
    pub summary: String,
    /// The `app.toml` it was read from.
    pub file: PathBuf,
    /// The directory of `app.toml`; relative paths in it start here.
    pub dir: PathBuf,
    pub image: Image,
    /// Absolute path in the container where inputs appear and outputs are expected.
    pub workdir: ContainerPath,
    /// The command line of a job, with placeholders.
    pub command: Located<Command>,
    /// How the program gets its arguments; `None`: as a vector and in `ARGS`.
    pub pass_args: Option<PassArgs>,
    /// OutputLimits inputs, in the order of the file.
    pub inputs: Vec<Input>,
    /// OutputLimits outputs, in the order of the file: output number i on the server is `outputs[i]`.
    pub outputs: Vec<Output>,
    pub resources: Resources,
    pub replication: Replication,
    pub validate: ValidateSpec,
    pub assimilate: AssimilateSpec,
    pub script: Option<JudgeScript>,
}

impl AppSpec {
    /// The inputs that differ from job to job, in order: `Job::inputs` has one file for each.
    pub fn job_inputs(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|input| !input.shared)
    }

    /// The inputs that are one file for all jobs of a batch, in order.
    pub fn shared_inputs(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|input| input.shared)
    }
}

/// The submitter's programs that validate and assimilate results; a project runs them in a container without network.
#[derive(Debug, Clone)]
pub struct JudgeScript {
    /// Program and arguments that check one result; may be empty.
    pub init: Vec<String>,
    /// Program and arguments that compare two results whose bytes differ; may be empty.
    pub compare: Vec<String>,
    /// Program and arguments that get each canonical result; may be empty.
    pub assimilate: Vec<String>,
    /// Files that it may write, collected next to the outputs.
    pub extra_outputs: Vec<String>,
    /// Exit codes as BOINC's own scripts have them.
    pub legacy: bool,
    /// An image that the server has, and this computer for `buoy run`.
    pub image: String,
    /// Files in their working directory, under their last path components.
    pub files: Vec<ContextFile>,
    pub place: Location,
}

/// Where the container's image comes from.
#[derive(Debug, Clone)]
pub enum Image {
    /// Built on the volunteer's computer.
    Build {
        /// Sent under the name `Dockerfile`.
        dockerfile: PathBuf,
        /// The other files of the build context.
        files: Vec<ContextFile>,
        /// Passed as `--build-arg KEY=VALUE`.
        build_args: BTreeMap<String, String>,
        /// The stage to build; `None`: the last one.
        target: Option<String>,
    },
    /// Loaded from an archive (`docker save`) that travels with the jobs: one, or one for each architecture.
    Archives(Vec<ImageArchive>),
    /// An image of a registry, pinned by digest; needs a project whose policy allows it.
    Pinned {
        /// `NAME@sha256:DIGEST`.
        name: String,
    },
}

impl Image {
    /// The names in the slot of the files that travel with each job for the image.
    pub fn slot_names(&self) -> impl Iterator<Item = &str> {
        let mut names = Vec::new();
        match self {
            Self::Build { files, .. } => {
                names.push(DEFAULT_DOCKERFILE);
                names.extend(files.iter().map(|file| file.name.as_str()));
            }
            Self::Archives(archives) => names.extend(ImageArchive::files(archives).map(|file| &*file.name)),
            Self::Pinned { .. } => {}
        }
        names.into_iter()
    }
}

/// An image in a file.
#[derive(Debug, Clone)]
pub struct ImageArchive {
    /// Go's name of the architecture that the image is for; `None` if this is the only archive.
    pub architecture: Option<String>,
    pub file: ContextFile,
    /// The hash of the image's configuration.
    pub digest: Digest,
}

impl ImageArchive {
    /// The files of some archives, each once: one may hold the images of several architectures.
    pub fn files(archives: &[Self]) -> impl Iterator<Item = &ContextFile> {
        archives.iter().enumerate().filter_map(|(at, archive)| {
            let is_known = archives[..at].iter().any(|other| other.file == archive.file);
            (!is_known).then_some(&archive.file)
        })
    }
}

/// A file of the build context. Contexts are flat: `COPY` finds it under its last path component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Where it is on the submitter's computer.
    pub path: PathBuf,
    /// Its name in the slot and in the build context.
    pub name: String,
}

/// A file that a job reads.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name in the container (BOINC's `open_name`).
    pub name: String,
    /// One file for all jobs of a batch, instead of one per job.
    pub shared: bool,
    /// Default for a shared input; a batch may name another.
    pub file: Option<PathBuf>,
    pub mode: Mode,
    /// The client keeps it after the job.
    pub sticky: bool,
    /// The server keeps a compressed copy for transfer (`<gzip/>`).
    pub gzip: bool,
    pub place: Location,
}

/// How an input gets into the slot (BOINC's two ways).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A link to the file in the project directory; read-only in the container, nothing is copied.
    #[default]
    Link,
    /// A copy that the job may change (`<copy_file/>`).
    Copy,
}

/// A file that a job writes.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name in the container.
    pub name: String,
    /// A larger file fails the job.
    pub max_bytes: u64,
    /// The job may finish without it.
    pub optional: bool,
    pub place: Location,
}

/// The requirements of a job. The units are BOINC's.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// Estimated floating-point operations (`rsc_fpops_est`).
    pub flops: f64,
    /// The client aborts the job after these (`rsc_fpops_bound`).
    pub flops_bound: f64,
    /// Bytes of memory (`rsc_memory_bound`).
    pub memory_bytes: u64,
    /// Bytes of disk in the slot (`rsc_disk_bound`).
    pub disk_bytes: u64,
    /// From sending a result to its deadline (`delay_bound`, whole seconds).
    pub deadline: Duration,
    /// Number of CPUs that a job keeps busy.
    pub cpus: f64,
    pub gpu: Option<Gpu>,
    /// The container may reach the network (where the project's policy allows it).
    pub network: bool,
}

/// Kinds of GPU that BOINC knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    Nvidia,
    Amd,
    Intel,
}

/// How many results (instances) a job gets, in BOINC's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replication {
    /// Results that must agree (`min_quorum`).
    pub quorum: u32,
    /// Results created at the start (`target_nresults`), at least `quorum`.
    pub total: u32,
    /// Failed results after which the job fails (`max_error_results`).
    pub max_errors: u32,
    /// Results of any kind after which the job fails (`max_total_results`).
    pub max_total: u32,
    /// Successful results without agreement after which the job fails (`max_success_results`).
    pub max_success: u32,
}

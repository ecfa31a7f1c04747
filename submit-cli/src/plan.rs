//! The plan: everything that a campaign runs or submits, checked and complete.
//!
//! `load` makes one from the submitter's arguments; `run`, `check`, `pack` and a submission to a project all start
//! from it. A `Plan` is deterministic: the same files and arguments give the same names in the same order.

pub(crate) mod app;
pub(crate) mod arguments;
mod batch;
mod bundle;
mod check;
pub(crate) mod command;
pub mod content;
mod expand;
pub mod hash_cache;
pub(crate) mod hashing;
mod image_archive;
mod job_toml;
mod jobs;
pub mod load;
pub(crate) mod names;
pub(crate) mod physical;
mod placeholder;
pub mod sources;
pub(crate) mod try_rules;
pub(crate) mod units;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::plan::app::{AppSpec, Mode};
use crate::plan::content::{Content, ContentHash};
use boinc::diagnostic::{Diagnostic, Location};
use boinc::job::spec::JobSpec;

/// What a campaign runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The science app.
    pub app: AppSpec,
    /// The science app packed: the files that go with each job, and their hash.
    pub bundle: Bundle,
    /// The batch's name: part of each workunit's name.
    pub batch: String,
    /// Inputs that are one file for all jobs, in the order of `app.toml`.
    pub shared: Vec<SharedInput>,
    /// Names of the jobs' parameters: the columns of their source and the keys of the sweep.
    pub parameters: Vec<String>,
    /// How each of `Job::inputs` appears in the slot: the per-job inputs of `app.toml` in its order and, in a batch with
    /// command lines too long for BOINC, last the file with the arguments.
    pub job_inputs: Vec<InputFile>,
    /// The jobs, in the order of their source.
    pub jobs: Vec<Job>,
    /// What the submitter should know: what has no effect, what may give other results elsewhere, names that were changed.
    pub warnings: Vec<Diagnostic>,
}

impl Plan {
    /// The parameters of one of its jobs by name.
    pub fn parameters_of(&self, job: &Job) -> BTreeMap<String, String> {
        self.parameters.iter().cloned().zip(job.parameters.iter().cloned()).collect()
    }

    /// The files that are the same for all jobs, in the template's order: the bundle's files, then the shared inputs.
    pub fn common_files(&self) -> impl Iterator<Item = (&InputFile, &Content)> {
        let bundle = self.bundle.files.iter().map(|file| (&file.file, &file.content));
        bundle.chain(self.shared.iter().map(|input| (&input.file, &input.content)))
    }
}

/// How a file appears in the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its name in the slot (`open_name`).
    pub open_name: String,
    /// Linked or copied.
    pub mode: Mode,
    /// `<sticky/>`: the client keeps it after the job.
    pub sticky: bool,
    /// `<gzip/>`: the server has a compressed copy.
    pub gzip: bool,
    /// `<executable/>`: the client sets the executable bits.
    pub executable: bool,
}

/// An input that is one file for all jobs.
#[derive(Debug, Clone)]
pub struct SharedInput {
    /// How it appears in the slot.
    pub file: InputFile,
    /// Its content.
    pub content: Content,
}

/// One run of the science app: a BOINC workunit.
#[derive(Debug, Clone)]
pub struct Job {
    /// Unique in the batch; names its directory of results.
    pub name: String,
    /// `APP-HASH__BATCH__JOB`: unique on a project.
    pub wu_name: String,
    /// The arguments of the program in the container.
    pub args: Vec<String>,
    /// The values of `Plan::parameters`, one for one.
    pub parameters: Vec<String>,
    /// The workunit's `<command_line>`: `args`, encoded where BOINC could not carry them as they are.
    pub command_line: String,
    /// The files of `Plan::job_inputs`, one for one.
    pub inputs: Vec<Content>,
    /// The table row, directory or file that the job comes from.
    pub origin: Origin,
}

/// Where a job comes from; small, since there are many.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The table, directory or file.
    pub file: Arc<Path>,
    /// Line of a table, counted from 1; 0 for none.
    pub line: u32,
}

impl Origin {
    /// Where it is, for a message.
    pub fn place(&self) -> Location {
        match self.line {
            0 => Location::file(&self.file),
            line => Location::line(&self.file, line),
        }
    }
}

/// A packed science app. The same files give the same hash in any directory.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// sha-256 of the rule file, hence over what the bundle's jobs run and how results are judged: 64 lower-case hex digits.
    pub sha256: String,
    /// The same without the rules: two bundles in which it is equal compute the same.
    pub run_sha256: String,
    /// What job.toml says.
    pub job_spec: JobSpec,
    /// The files of each job in addition to its inputs: job.toml, and the Dockerfile with the build files or the tarball.
    pub files: Vec<BundleFile>,
    /// Read by the server's validator, not by jobs.
    pub rule: RuleMember,
}

impl Bundle {
    /// The HASH of workunit names: the first 12 digits.
    pub fn short_hash(&self) -> &str {
        &self.sha256[..12]
    }
}

/// The bundle's rule file: how its results are judged (`validators::submitter_rules`). It is uploaded like the other files, under
/// a name that follows from the HASH in workunits' names, and listed in no template.
#[derive(Debug, Clone)]
pub struct RuleMember {
    /// Its name on the server.
    pub physical_name: String,
    /// Its content.
    pub content: Content,
    /// Identifies the content.
    pub hash: ContentHash,
}

/// A file of a bundle.
#[derive(Debug, Clone)]
pub struct BundleFile {
    /// How it appears in the slot; always linked.
    pub file: InputFile,
    /// Its content.
    pub content: Content,
    /// Identifies the content.
    pub hash: ContentHash,
}

//! The plan: everything that a campaign will run or send, checked, with nothing left to look up.
//!
//! `load` makes one from what the submitter typed; `run`, `check`, `pack` and a submission to a project all start
//! from it. A `Plan` is deterministic: the same files and arguments give the same names in the same order.

pub mod app;
pub mod batch;
pub mod bundle;
pub mod check;
pub mod command;
pub mod content;
pub mod expand;
pub mod hash_cache;
pub mod hashing;
pub mod image_archive;
pub mod job_toml;
pub mod jobs;
pub mod load;
pub mod names;
pub mod physical;
pub mod placeholder;
pub mod sources;
pub mod trial;
pub mod units;

use std::path::Path;
use std::sync::Arc;

use crate::plan::app::{AppSpec, Mode};
use crate::plan::content::{Content, ContentHash};
use boinc::diagnostic::Place;

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
    /// What `Job::inputs` holds, one for one: the per-job inputs of `app.toml` in its order and, in a batch that has
    /// command lines too long for BOINC, last the file that carries the arguments.
    pub job_inputs: Vec<InputFile>,
    /// The jobs, in the order of their source.
    pub jobs: Vec<Job>,
}

/// How a file appears in the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its name in the slot (`open_name`).
    pub open_name: String,
    /// Linked or copied.
    pub mode: Mode,
    /// `<sticky/>`: the client keeps it.
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
    /// What is in it.
    pub content: Content,
}

/// One run of the science app: a BOINC workunit.
#[derive(Debug, Clone)]
pub struct Job {
    /// Unique in the batch; names its directory of results.
    pub name: String,
    /// `APP-HASH__BATCH__JOB`: unique on a project.
    pub wu_name: String,
    /// The arguments, as the program in the container gets them.
    pub args: Vec<String>,
    /// The workunit's `<command_line>`: `args`, encoded where BOINC could not carry them.
    pub command_line: String,
    /// The files of `Plan::job_inputs`, one for one.
    pub inputs: Vec<Content>,
    /// The table row, directory or file that the job comes from.
    pub origin: Origin,
}

/// Where a job comes from; kept small, since there are many.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The table, directory or file.
    pub file: Arc<Path>,
    /// Line of a table, counted from 1; 0 where there is none.
    pub line: u32,
}

impl Origin {
    /// For a message.
    pub fn place(&self) -> Place {
        match self.line {
            0 => Place::file(&self.file),
            line => Place::line(&self.file, line),
        }
    }
}

/// A science app packed. The same files give the same hash, wherever they are.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// sha-256 of the rule file, hence over what the bundle's jobs run and how results are judged: 64 lower-case hex digits.
    pub sha256: String,
    /// What each job gets besides its inputs: job.toml, and the Dockerfile with the build files or the tarball.
    pub files: Vec<BundleFile>,
    /// What the server's validator reads; no job gets it.
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
    /// What is in it.
    pub content: Content,
    /// What tells that from others.
    pub hash: ContentHash,
}

/// A file of a bundle.
#[derive(Debug, Clone)]
pub struct BundleFile {
    /// How it appears in the slot; always linked.
    pub file: InputFile,
    /// What is in it.
    pub content: Content,
    /// What tells that from others.
    pub hash: ContentHash,
}

//! What is known of a campaign, wherever its jobs were run.

use std::path::Path;

use boinc::wire::slot::STDERR_FILE;

use crate::campaign::results::tail;

/// Of a line that a job has printed so many characters are shown.
const LINE_MAX: usize = 400;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nobody has begun it.
    Waiting,
    /// Under way.
    Running,
    /// It has a result.
    Done,
    /// Given up.
    Failed,
    /// The batch does not have it any more.
    Dropped,
}

impl Status {
    /// All, in the order that the page uses.
    pub const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Running, Self::Waiting, Self::Dropped];

    /// For people and for style sheets.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name, and its directory in the results.
    pub name: String,
    /// Where it is.
    pub status: Status,
    /// How often it was tried: workunits of a project, results of a local run.
    pub attempts: u32,
    /// What became of those that don't count, one line.
    pub earlier: String,
    /// Exit status of what counts.
    pub exit_status: Option<i32>,
    /// Why it failed.
    pub cause: Option<String>,
    /// Run time, seconds.
    pub elapsed_seconds: Option<f64>,
    /// Processor time, seconds.
    pub cpu_seconds: Option<f64>,
    /// Which of [`Material::files`] are in its directory, by index, ascending.
    pub files: Vec<usize>,
}

/// How many jobs were where at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since 1970.
    pub at: f64,
    /// With a result.
    pub done: usize,
    /// Given up.
    pub failed: usize,
    /// Under way.
    pub running: usize,
    /// Not begun.
    pub waiting: usize,
}

impl Moment {
    /// All jobs.
    pub fn total(&self) -> usize {
        self.done + self.failed + self.running + self.waiting
    }
}

/// A project on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRef {
    /// The submitter's name for it.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// A cause of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub cause: String,
    /// Exit status of the example.
    pub exit_status: Option<i32>,
    /// How many jobs.
    pub count: usize,
    /// One of them.
    pub example: String,
    /// The last lines of its log, if that is on this computer.
    pub log_tail: String,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// The science app.
    pub app: String,
    /// The batch.
    pub batch: String,
    /// Where its jobs go; none for a run on this computer.
    pub project: Option<ProjectRef>,
    /// The computer that ran it; empty for a project.
    pub host: String,
    /// When it began, seconds since 1970.
    pub begun: Option<f64>,
    /// Names of files that a job's directory can have: the outputs, then the log.
    pub files: Vec<String>,
    /// The jobs, in the campaign's order.
    pub jobs: Vec<Job>,
    /// How it went, oldest first.
    pub history: Vec<Moment>,
    /// Causes of failure, the most frequent first.
    pub failures: Vec<Failure>,
}

/// The outputs, and the log that BOINC has of every job.
pub(super) fn files_of(outputs: Vec<String>) -> Vec<String> {
    let mut files = outputs;
    files.push(STDERR_FILE.to_owned());
    files
}

/// A job's directory is one of the results': a name that leads elsewhere is none.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// Which files are in a job's directory.
pub(super) fn present(results: &Path, job: &str, files: &[String]) -> Vec<usize> {
    if !is_plain(job) {
        return Vec::new();
    }
    let dir = results.join(job);
    files.iter().enumerate().filter(|(_, file)| dir.join(file).is_file()).map(|(at, _)| at).collect()
}

/// The end of a job's log, if there is one.
pub(super) fn log_tail(results: &Path, job: &str) -> String {
    if !is_plain(job) {
        return String::new();
    }
    let Ok(text) = std::fs::read(results.join(job).join(STDERR_FILE)) else { return String::new() };
    let lines = tail(&String::from_utf8_lossy(&text));
    let cut = |line: &str| match line.char_indices().nth(LINE_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    };
    lines.lines().map(cut).collect::<Vec<_>>().join("\n")
}

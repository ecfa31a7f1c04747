//! What is known of a campaign, wherever its jobs were run.

use std::path::Path;

use boinc::wire::slot::STDERR_FILE;

use crate::campaign::history::Moment;
use crate::campaign::job_view::{FailureGroup, JobState, JobView};
use crate::campaign::meta::CampaignMeta;
use crate::campaign::results::{is_plain, tail};
use crate::campaign::{Campaign, CampaignError};

/// Number of characters of a line printed by a job that are shown.
const LINE_MAX: usize = 400;

/// The states in the order of the page: from the finished ones to those that have not been started.
pub(super) const ORDER: [JobState; 6] = [
    JobState::Done,
    JobState::Failed,
    JobState::InProgress,
    JobState::Unsent,
    JobState::Waiting,
    JobState::Dropped,
];

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What the campaign file knows of it.
    pub view: JobView,
    /// What became of attempts that do not count, one line.
    pub earlier: String,
    /// Which of [`Material::files`] are in its directory, by index, ascending.
    pub files: Vec<usize>,
}

/// Failed jobs with the same kind of cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How many, and an example.
    pub group: FailureGroup,
    /// The last lines of the example's log, if that is on this host.
    pub log_tail: String,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// What it is.
    pub meta: CampaignMeta,
    /// Names of files that a job's directory can have: the outputs, then the log.
    pub files: Vec<String>,
    /// The jobs, in the campaign's order.
    pub jobs: Vec<Job>,
    /// Numbers of jobs by state over time, oldest first.
    pub history: Vec<Moment>,
    /// Failures by kind of cause, the most frequent first.
    pub failures: Vec<Failure>,
}

impl Material {
    /// Reads a campaign and looks for its files in the directory of results.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn read(campaign: &Campaign, results: &Path) -> Result<Self, CampaignError> {
        let meta = campaign.meta()?.unwrap_or_default();
        let mut files: Vec<String> = meta.outputs.iter().map(|output| output.name.clone()).collect();
        files.push(STDERR_FILE.to_owned());
        let mut earlier = campaign.earlier()?;
        let jobs = campaign.job_views()?.into_iter().map(|view| Job {
            earlier: earlier.remove(&view.job).map(|list| list.join(", ")).unwrap_or_default(),
            // Nothing of a submitted job is on this host before it was fetched, and a look for each costs.
            files: if view.fetched || meta.project.is_none() {
                present(results, &view.job, &files)
            } else {
                Vec::new()
            },
            view,
        });
        let failures = campaign
            .failures()?
            .into_iter()
            .map(|group| Failure { log_tail: log_tail(results, &group.example), group });
        Ok(Self {
            jobs: jobs.collect(),
            history: campaign.history()?,
            failures: failures.collect(),
            files,
            meta,
        })
    }
}

/// Which files are in a job's directory.
fn present(results: &Path, job: &str, files: &[String]) -> Vec<usize> {
    if !is_plain(job) {
        return Vec::new();
    }
    let dir = results.join(job);
    files.iter().enumerate().filter(|(_, file)| dir.join(file).is_file()).map(|(at, _)| at).collect()
}

/// The end of a job's log, if there is one.
fn log_tail(results: &Path, job: &str) -> String {
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

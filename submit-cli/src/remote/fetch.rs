//! `buoy fetch` of a campaign that went to a project: outputs of finished jobs, each once, whole or not at all.
//!
//! [`fetch`] asks the server which jobs are done, then lets some threads download. Only the thread that called it writes to
//! the campaign file, and only after a job's files are in place; so whatever ends it, the next call goes on from there.

mod archive;
mod ask;
mod choose;
mod copy;
mod job;
mod output_dir;
mod wait;
mod workers;

use std::path::{Path, PathBuf};

use boinc::backoff::Backoff;

use crate::campaign::event::{Event, Finished, Reporter, Started};
use crate::campaign::file_error::FileError;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::results::write_table;
use crate::campaign::{Campaign, CampaignError};
use crate::clock::Clock;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
pub use copy::copy;
use output_dir::OutputDir;

/// Threads that download, if not said: enough to hide the waits between small files, few enough for a small server.
pub const DEFAULT_PARALLEL: usize = 6;

/// What to fetch, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The campaign's directory of results.
    pub results: PathBuf,
    /// Where outputs go, if not there.
    pub to: Option<PathBuf>,
    /// Only these jobs; all if empty.
    pub jobs: Vec<String>,
    /// Downloads at a time, at least 1.
    pub parallel: usize,
    /// How often and how long each request is tried again.
    pub retry: Backoff,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Jobs whose outputs were put in place by this call.
    pub fetched: usize,
    /// Jobs whose outputs the server does not have.
    pub missing: usize,
    /// Finished jobs that are still to be fetched.
    pub remaining: usize,
    /// It was asked to stop.
    pub interrupted: bool,
    /// The table of results.
    pub table: PathBuf,
}

impl Outcome {
    fn report(&self, bytes: u64, elapsed_seconds: f64, reporter: &dyn Reporter) {
        reporter.report(Event::Finished(Finished::Fetch {
            fetched: self.fetched,
            missing: self.missing,
            remaining: self.remaining,
            bytes,
            interrupted: self.interrupted,
            elapsed_seconds: elapsed_seconds.max(0.0),
            table: &self.table,
        }));
    }
}

/// Why fetching ended early. What was fetched before stays and is noted.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The campaign file can't be read or written.
    #[error(transparent)]
    Campaign(CampaignError),
    /// An output's name cannot be a file's.
    #[error(
        "{name:?} in the campaign file cannot be a file's name: it would lead elsewhere; the campaign file is damaged"
    )]
    OutputName {
        /// The name.
        name: String,
    },
    /// The disk is full.
    #[error("{}: no room left; make some and run the same command again: it goes on from there", path.display())]
    NoRoom {
        /// What was written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or directory can't be made or written.
    #[error(transparent)]
    File(FileError),
    /// Another process fetches.
    #[error("{}: another buoy fetch (process {holder}) is working on this campaign; wait for it or stop it", dir.display())]
    Busy {
        /// The campaign's directory of results.
        dir: PathBuf,
        /// Its process id, as it wrote it.
        holder: String,
    },
    /// The project refuses or does not answer, also after some tries; all jobs would meet the same.
    #[error("the project {project} does not give its outputs")]
    Project {
        /// The submitter's name for it.
        project: String,
        /// What it said.
        #[source]
        source: Box<ProjectError>,
    },
    /// One job after the other could not be fetched.
    #[error("{jobs} jobs in a row could not be fetched, the last one since {cause}; try again later")]
    Ill {
        /// How many.
        jobs: usize,
        /// Why the last one could not.
        cause: String,
    },
}

impl From<CampaignError> for FetchError {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::File(error) => error.into(),
            error => Self::Campaign(error),
        }
    }
}

impl From<FileError> for FetchError {
    fn from(error: FileError) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.source.kind() {
            StorageFull | QuotaExceeded => Self::NoRoom { path: error.path, source: error.source },
            _ => Self::File(error),
        }
    }
}

impl FetchError {
    fn project(meta: &CampaignMeta, source: ProjectError) -> Self {
        Self::Project { project: meta.project().name.clone(), source: Box::new(source) }
    }
}

/// Fetches what is finished and new.
///
/// # Errors
/// See [`FetchError`]. A job whose outputs can't be had is no error: it is told to the reporter and counted.
pub fn fetch(
    campaign: &mut Campaign,
    meta: &CampaignMeta,
    client: &ProjectClient,
    options: &Options,
    reporter: &dyn Reporter,
    clock: &dyn Clock,
) -> Result<Outcome, FetchError> {
    let begin = clock.now();
    let _lock = campaign.lock_to_fetch(&options.results).map_err(|error| match error {
        CampaignError::Busy { dir, holder } => FetchError::Busy { dir, holder },
        error => error.into(),
    })?;
    let place = OutputDir::new(options.to.as_deref().unwrap_or(&options.results), meta)?;
    campaign.check_jobs(&options.jobs)?;
    ask::learn(campaign, meta, client, options, reporter, clock)?;
    let chosen = choose::choose(campaign, options, &place)?;
    reporter.report(Event::Started(Started::Fetch {
        jobs: chosen.download.len() + chosen.copy.len(),
        fetched_before: chosen.there,
        unfinished: chosen.unfinished,
        to: place.dir(),
    }));
    let mut copied = 0;
    for row in chosen.copy.iter().take_while(|_| !clock.interrupted()) {
        place.copy_from(&options.results, &row.new.job)?;
        copied += 1;
    }
    let not_copied = chosen.copy.len() - copied;
    let tally = workers::run(campaign, meta, client, options, &place, chosen, reporter, clock);
    // Also after a failure: the table shows what is there.
    let written = write_table(campaign, place.dir());
    let tally = tally?;
    let table = written?;
    place.tidy();
    let outcome = Outcome {
        fetched: tally.fetched + copied,
        missing: tally.missing,
        remaining: tally.remaining + not_copied,
        interrupted: clock.interrupted(),
        table,
    };
    outcome.report(tally.bytes, clock.now() - begin, reporter);
    Ok(outcome)
}

/// Whether two paths are the same directory, as far as they exist.
fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

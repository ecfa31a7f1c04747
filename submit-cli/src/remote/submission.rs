//! Sends a campaign to a project: files, batches, jobs; each job once, whatever is killed or lost on the way.
//!
//! The campaign file records what the server is known to have. Before anything is sent that might be there already,
//! the server is asked: for files by content, for batches by name (derived from their content), for jobs by name.
//! Names of workunits are unique in a project, so a request that arrives twice creates nothing twice.
//! docs/submit.md describes the steps.

pub mod app_version;
mod associate;
mod backoff;
mod batches;
mod discover;
pub(crate) mod dry_run;
mod error;
mod files;
pub mod limits;
mod prepare;
mod snapshot;
pub mod submission_plan;
mod upload;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::campaign::event::{Event, Finished, Reporter};
use crate::campaign::job_view::Counts;
use crate::campaign::{Campaign, STATE_DIR};
use crate::clock::Clock;
use crate::project::client::ProjectClient;

use self::limits::ServerLimits;

pub use error::SubmitError;
pub use prepare::prepare;

/// A submission's way out: the project, the clock, the reporter. Threads share it.
#[derive(Clone, Copy)]
struct Link<'a> {
    client: &'a ProjectClient,
    clock: &'a dyn Clock,
    reporter: &'a dyn Reporter,
    options: &'a Options,
}

/// A submission and what it works with.
struct Submitter<'a> {
    campaign: &'a mut Campaign,
    link: Link<'a>,
    limits: ServerLimits,
    /// The project's universal BOINC app.
    app_name: Arc<str>,
}

/// What a submitter can choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Uploads at a time.
    pub uploads: usize,
    /// Jobs in a batch at most; a batch is smaller where the request would be too large.
    pub batch_jobs: usize,
    /// Where large files are copied to before they are sent, so that no file changes while it is sent.
    pub staging: PathBuf,
}

/// Directory for copies of large files, in the campaign's own.
const STAGING: &str = "sending";
/// Default of [`Options::uploads`].
pub const UPLOADS: u16 = 4;
/// Default of [`Options::batch_jobs`]: the server creates some 500 jobs a second.
pub const BATCH_JOBS: u32 = 5_000;

impl Options {
    /// The defaults, for a campaign with its results in this directory.
    pub fn in_directory(results: &Path) -> Self {
        Self {
            uploads: UPLOADS.into(),
            batch_jobs: BATCH_JOBS as usize,
            staging: results.join(STATE_DIR).join(STAGING),
        }
    }
}

/// Sends everything that the campaign file has and the server is not known to have.
///
/// # Errors
/// The campaign stays valid; the same call resumes.
pub fn resume(
    campaign: &mut Campaign,
    client: &ProjectClient,
    clock: &dyn Clock,
    reporter: &dyn Reporter,
    options: &Options,
) -> Result<Counts, SubmitError> {
    let app_name =
        campaign.submitted_meta()?.map(|meta| meta.project().boinc_app.clone()).unwrap_or_default();
    let app_name = Arc::from(app_name);
    let limits = ServerLimits::of(campaign)?;
    let link = Link { client, clock, reporter, options };
    let mut submitter = Submitter { campaign, link, limits, app_name };
    submitter.run()
}

impl Submitter<'_> {
    fn run(&mut self) -> Result<Counts, SubmitError> {
        snapshot::remove_all(&self.link.options.staging)?;
        for round in self.campaign.rounds()? {
            self.submit_round(&round)?;
        }
        let counts = self.campaign.counts()?;
        self.campaign.note_moment(self.link.clock.now())?;
        self.link
            .reporter
            .report(Event::Finished(Finished::Submit { jobs: counts.total(), waiting: counts.waiting }));
        Ok(counts)
    }
}

impl Link<'_> {
    fn check_interrupted(&self) -> Result<(), SubmitError> {
        if self.clock.interrupted() { Err(SubmitError::Interrupted) } else { Ok(()) }
    }
}

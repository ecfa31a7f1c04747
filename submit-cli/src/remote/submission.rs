//! Sends a campaign to a project: files, batches, jobs; each job once, whatever is killed or lost on the way.
//!
//! The campaign file says what the server is known to have. Before anything is sent that might be there already,
//! the server is asked: for files by content, for batches by name (derived from what is in them), for jobs by name.
//! Names of workunits are unique in a project, so that a request that comes twice makes nothing twice.
//! docs/submit.md tells the steps.

pub mod backoff;
mod batches;
mod discover;
pub mod dry_run;
mod error;
mod files;
pub mod limits;
mod prepare;
mod snapshot;
pub mod submission_plan;
mod tie;
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

/// What leads out of a submission: the project, the time, whoever watches. Threads share it.
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
    /// Jobs in a batch at most, besides what a request holds.
    pub batch_jobs: usize,
    /// Where large files are copied to before they are sent, so that no change of theirs is half sent.
    pub staging: PathBuf,
}

/// Directory for copies of large files, in the campaign's own.
const STAGING: &str = "sending";
/// Uploads at a time, if nobody says otherwise.
pub const UPLOADS: u16 = 4;
/// Jobs in a batch, if nobody says otherwise: the server makes some 500 jobs a second.
pub const BATCH_JOBS: u32 = 5_000;

impl Options {
    /// What serves most campaigns, for one with its results here.
    pub fn in_directory(results: &Path) -> Self {
        Self {
            uploads: UPLOADS.into(),
            batch_jobs: BATCH_JOBS as usize,
            staging: results.join(STATE_DIR).join(STAGING),
        }
    }
}

/// Brings everything that the campaign file has and the server is not known to have to the server.
///
/// # Errors
/// What stopped it; the campaign stays good, and the same call goes on.
pub fn go_on(
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
        match self.clock.interrupted() {
            true => Err(SubmitError::Interrupted),
            false => Ok(()),
        }
    }
}

//! Errors of a submission. The campaign file is valid in each case, and the same command resumes.

use std::path::PathBuf;

use super::submission_plan::SubmissionPlanError;
use crate::campaign::CampaignError;
use crate::plan::units::show_size;
use crate::project::error::ProjectError;

/// An error that stopped a submission.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The plan cannot be sent.
    #[error(transparent)]
    Plan(#[from] SubmissionPlanError),
    /// The campaign file failed.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The directory has results of `buoy run`.
    #[error("{}: this directory holds results of buoy run; choose another with --out", .results.display())]
    LocalCampaign {
        /// The results directory.
        results: PathBuf,
    },
    /// The directory belongs to something else.
    #[error(
        "{}: this campaign has {what} {found}, but the plan has {what} {wanted}; choose another directory with --out",
        .results.display()
    )]
    OtherCampaign {
        /// The results directory.
        results: PathBuf,
        /// What differs.
        what: &'static str,
        /// In the campaign file.
        found: String,
        /// In the plan.
        wanted: String,
    },
    /// Jobs of the same name have other arguments or inputs.
    #[error(
        "{}: the arguments or inputs of {count} jobs have changed since they were submitted, {name} the first; rename these jobs, or use a new --name and --out",
        .results.display()
    )]
    ChangedJobs {
        /// The results directory.
        results: PathBuf,
        /// The first one.
        name: String,
        /// How many.
        count: usize,
    },
    /// The project rejected a request, and waiting does not help.
    #[error("failed to {doing}")]
    Project {
        /// The action.
        doing: &'static str,
        /// Its error.
        source: ProjectError,
    },
    /// A request failed in each attempt.
    #[error("failed to {doing} in {tries} attempts; run the same command to resume")]
    GaveUp {
        /// The action.
        doing: &'static str,
        /// Number of attempts.
        tries: u32,
        /// The last error.
        source: ProjectError,
    },
    /// A file is larger than the project accepts.
    #[error(
        "{}: {} is more than the project accepts in one file (upload_max_filesize of its PHP); ask its administrator for a larger limit, or make the file smaller",
        .place, show_size(*.bytes)
    )]
    FileTooLarge {
        /// Where it is on this computer, or its physical name.
        place: String,
        /// Its size.
        bytes: u64,
    },
    /// A file is no longer what it was when the campaign was checked.
    #[error("{}: this file has changed since the campaign was checked: {found}; the change was not sent; restore the file, or submit under another --name", .path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
        /// The difference.
        found: String,
    },
    /// A file of the campaign cannot be read.
    #[error("failed to read {}, which the project does not have", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A large file cannot be copied before it is sent.
    #[error("{}: failed to {doing}", .path.display())]
    Staging {
        /// The copy.
        path: PathBuf,
        /// The action.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The server has a job of this name that is not of this campaign.
    #[error(
        "the project already has a job {name} of another campaign; choose another batch name with --name"
    )]
    ForeignWorkunit {
        /// The workunit's name.
        name: String,
    },
    /// These jobs were submitted before, and that batch was ended.
    #[error("batch {name}, which has the same jobs, was {what}; submit under another --name")]
    EndedBatch {
        /// The batch's name on the server.
        name: String,
        /// `aborted` or `retired`.
        what: &'static str,
    },
    /// The server reported that it created jobs which it does not have.
    #[error(
        "batch {name}: {missing} of {submitted} jobs are missing on the server, which reported no error; ask its administrator to check that the web server can write templates/tmp"
    )]
    NotMade {
        /// The batch's name on the server.
        name: String,
        /// Jobs that are not there.
        missing: usize,
        /// Jobs that were submitted.
        submitted: usize,
    },
    /// One job alone is larger than the server accepts.
    #[error(
        "job {job} alone is larger than the project accepts in one request ({bytes} bytes); ask its administrator for a larger post_max_size"
    )]
    JobTooLarge {
        /// The job.
        job: String,
        /// Size of the request with it.
        bytes: u64,
    },
    /// The user stopped it.
    #[error("interrupted; run the same command to resume")]
    Interrupted,
}

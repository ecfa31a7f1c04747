//! Why a submission stopped. The campaign file is good in each case, and the same command goes on.

use std::path::PathBuf;

use super::submission_plan::SubmissionPlanError;
use crate::campaign::CampaignError;
use crate::plan::units::show_size;
use crate::project::error::ProjectError;

/// Why a submission stopped.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The plan can't be sent.
    #[error(transparent)]
    Plan(#[from] SubmissionPlanError),
    /// The campaign file failed.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The directory has results of `buoy run`.
    #[error("{}: this directory holds results of buoy run; name another with --out", .results.display())]
    LocalCampaign {
        /// The results directory.
        results: PathBuf,
    },
    /// The directory belongs to something else.
    #[error(
        "{}: this campaign has {what} {found}, and the plan has {what} {wanted}; name another directory with --out",
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
        "{}: {count} jobs have other arguments or inputs than when they were submitted, {name} the first; give them other names, or a new --name and --out",
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
    /// The project refuses, and waiting does not help.
    #[error("cannot {doing}")]
    Project {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        source: ProjectError,
    },
    /// It kept failing.
    #[error("could not {doing} in {tries} tries; the campaign is kept, the same command goes on")]
    GaveUp {
        /// What was tried.
        doing: &'static str,
        /// How often.
        tries: u32,
        /// What happened last.
        source: ProjectError,
    },
    /// Files are larger than the project takes.
    #[error(
        "{}: {} are more than the project takes in one file (upload_max_filesize of its PHP); ask its administrator for a larger limit, or make the file smaller",
        .place, show_size(*.bytes)
    )]
    FileTooLarge {
        /// Where it is on this computer, or its physical name.
        place: String,
        /// Its size.
        bytes: u64,
    },
    /// A file is no longer what it was when the campaign was checked.
    #[error("{}: this file has changed since the campaign was checked: {found}; nothing of the change was sent. Put it back, or submit under another --name", .path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
        /// How it differs.
        found: String,
    },
    /// A file of the campaign can't be read.
    #[error("{}: cannot read this input, and the project does not have it", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A large file can't be copied before it is sent.
    #[error("{}: cannot {doing}", .path.display())]
    Staging {
        /// The copy.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The server has a job of this name that is not of this campaign.
    #[error(
        "the project has a job {name} already, and it is not of this campaign; choose another batch name with --name"
    )]
    ForeignWorkunit {
        /// The workunit's name.
        name: String,
    },
    /// These jobs were submitted before, and that batch was ended.
    #[error(
        "batch {name} of the project, with these very jobs, was {what} before; submit under another --name"
    )]
    EndedBatch {
        /// The batch's name on the server.
        name: String,
        /// `aborted` or `retired`.
        what: &'static str,
    },
    /// The server said that it made jobs which it does not have.
    #[error(
        "batch {name}: the project says that it made {submitted} jobs, and {missing} of them are not there; its administrator has to look whether the web server can write templates/tmp"
    )]
    NotMade {
        /// The batch's name on the server.
        name: String,
        /// Jobs that are not there.
        missing: usize,
        /// Jobs that were submitted.
        submitted: usize,
    },
    /// One job alone is more than the server takes.
    #[error(
        "job {job} alone is more than the project takes in one request ({bytes} bytes); ask its administrator for a larger post_max_size"
    )]
    JobTooLarge {
        /// The job.
        job: String,
        /// Size of the request with it.
        bytes: u64,
    },
    /// The user stopped it.
    #[error("stopped; the same command goes on")]
    Interrupted,
}

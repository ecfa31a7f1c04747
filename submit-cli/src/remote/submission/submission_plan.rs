//! What a submission sends, from a plan: files, templates, jobs.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::campaign::meta::{CampaignMeta, ProjectRef};
use crate::campaign::submitted::{FileNames, FileRow, NewWorkunit, Round};
use crate::package::pack::{Listing, Outputs, PackError, TemplateFile, render};
use crate::package::template::Templates;
use crate::plan::Plan;
use crate::plan::arguments::{JOB_LINE_MAX, JOB_WORDS_MAX};
use crate::plan::content::{Content, hex};
use crate::project::config::ProjectEntry;
use crate::project::protocol::submission::{Submission, SubmittedJob};

/// Digits of a round's digest in the names of its batches.
const DIGEST_DIGITS: usize = 16;
/// What the web code adds to names and command line: templates (a file in /tmp, and one named by md5), priority.
const LINE_RESERVE: usize = 200;
/// Words of a job's line besides the files: four options with a value each.
const OPTION_WORDS: usize = 8;

/// Why a plan cannot be submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionPlanError {
    /// A template or file cannot be used.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The line that creates a job would be too long.
    #[error(
        "invalid job {job}: with {files} files, its line for create_work has {bytes} bytes, at most {JOB_LINE_MAX} are \
         accepted; put several files into one archive, or shorten names and arguments"
    )]
    LineTooLong {
        /// The job.
        job: String,
        /// Number of its inputs, the files of the bundle included.
        files: usize,
        /// The line's length.
        bytes: usize,
    },
    /// The line that creates a job would have too many words.
    #[error(
        "invalid app {}: each job has {files} files, a line of create_work holds {}; put several files into one archive",
        .app.display(), JOB_WORDS_MAX - OPTION_WORDS
    )]
    TooManyFiles {
        /// The app.toml.
        app: PathBuf,
        /// Number of inputs of each job, the files of the bundle included.
        files: usize,
    },
}

/// What is submitted, ready for the campaign file.
#[derive(Debug)]
pub struct SubmissionPlan {
    /// What the campaign is.
    pub meta: CampaignMeta,
    /// The files, by physical name.
    pub files: Vec<FileRow>,
    /// The templates of all jobs.
    pub round: Round,
    /// The jobs.
    pub workunits: Vec<NewWorkunit>,
    /// Hash of the files that the app version holds and jobs do not bring; for a single-purpose app only.
    pub carried_hash: Option<String>,
}

impl SubmissionPlan {
    /// The same for a single-purpose app: jobs bring their own inputs, and shared inputs for which app.toml names no file.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn for_single(
        plan: &Plan,
        project: &ProjectEntry,
        templates: &Templates,
        now: f64,
    ) -> Result<Self, SubmissionPlanError> {
        Self::of(plan, project, templates, now, true)
    }

    /// Names files, renders templates, and checks that the server can create the jobs. Reads each file once, or not at
    /// all if its hash is known.
    ///
    /// Each job's line names its files, those that all jobs share too: a file uploaded by `job_file.php` has an empty
    /// `.md5` next to it, which `create_work` refuses for files that a template names. All inputs stay on the server
    /// (`<no_delete/>`): they are named by content, so another batch, or another submitter, may use the same file, and
    /// file_deleter does not check that.
    ///
    /// # Errors
    /// A file cannot be read, a template cannot be used, or a job's line would be too long.
    pub fn new(
        plan: &Plan,
        project: &ProjectEntry,
        templates: &Templates,
        now: f64,
    ) -> Result<Self, SubmissionPlanError> {
        Self::of(plan, project, templates, now, false)
    }

    fn of(
        plan: &Plan,
        project: &ProjectEntry,
        templates: &Templates,
        now: f64,
        is_single: bool,
    ) -> Result<Self, SubmissionPlanError> {
        let mut listing = Listing::of(plan).map_err(PackError::from)?;
        let carried_hash = is_single.then(|| listing.take_carried(plan));
        let inputs = listing.common.iter().map(|(file, _)| *file).chain(&plan.job_inputs);
        let inputs = inputs.map(|file| TemplateFile {
            no_delete: true,
            // The server would need a compressed copy next to the file, which cannot be uploaded.
            gzip: false,
            ..TemplateFile::new(file, None)
        });
        let (input, output) = render(plan, templates, inputs.collect(), Outputs::Kept)?;
        let workunits = plan.jobs.iter().zip(listing.per_job).map(|(job, inputs)| NewWorkunit {
            job: job.name.clone(),
            name: job.wu_name.clone(),
            command_line: job.command_line.clone(),
            inputs: FileNames(inputs),
            parameters: plan.parameters_of(job),
        });
        let workunits: Vec<NewWorkunit> = workunits.collect();
        let common = listing.common.into_iter().map(|(_, name)| name).collect();
        let round = Round {
            digest: String::new(),
            input_template: input.text,
            output_template: output.text,
            rsc_fpops_est: plan.app.resources.flops,
            inputs: FileNames(common),
            changed: String::new(),
        };
        let round = Round { digest: digest(&project.app_name, &round, &workunits), ..round };
        check_lines(plan, &round, &workunits)?;
        let files = listing.files.into_iter().map(|(name, file)| FileRow {
            name,
            hash: file.hash,
            content: absolute(file.content),
        });
        let project = ProjectRef {
            name: project.name.clone(),
            url: project.url.clone(),
            boinc_app: project.app_name.clone(),
        };
        let meta = CampaignMeta { project: Some(project), is_single, ..CampaignMeta::of(plan, now) };
        Ok(Self { meta, files: files.collect(), round, workunits, carried_hash })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.hash.bytes).sum()
    }
}

/// Identifies the contents of a round: part of its batches' names, so that whoever submits the same finds them on the server.
pub(crate) fn digest(app_name: &str, round: &Round, workunits: &[NewWorkunit]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"buoy round 1\n");
    for text in [app_name, &round.input_template, &round.output_template, &round.inputs.0.join(" ")] {
        hasher.update(text);
        hasher.update(b"\0");
    }
    for workunit in workunits {
        hasher.update(format!(
            "{}\0{}\0{}\n",
            workunit.name,
            workunit.command_line,
            workunit.inputs.0.join(" ")
        ));
    }
    hex(&hasher.finalize())[..DIGEST_DIGITS].to_owned()
}

/// The name of a batch on the server.
pub(crate) fn batch_name(meta: &CampaignMeta, digest: &str, part: u32) -> String {
    format!("{}-{}__{}.{digest}.{part}", meta.app, meta.bundle, meta.batch)
}

/// The request that creates these jobs.
pub(crate) fn submission<'s>(
    app_name: &'s str,
    round: &'s Round,
    workunits: impl IntoIterator<Item = &'s NewWorkunit>,
) -> Submission<'s> {
    let jobs = workunits.into_iter().map(|workunit| SubmittedJob {
        name: &workunit.name,
        command_line: &workunit.command_line,
        input_files: round.inputs.0.iter().chain(&workunit.inputs.0).map(String::as_str).collect(),
    });
    Submission {
        app_name,
        input_template: &round.input_template,
        output_template: &round.output_template,
        jobs: jobs.collect(),
        priority: None,
        rsc_fpops_est: round.rsc_fpops_est,
    }
}

fn check_lines(plan: &Plan, round: &Round, workunits: &[NewWorkunit]) -> Result<(), SubmissionPlanError> {
    let files = round.inputs.0.len() + plan.job_inputs.len();
    if files + OPTION_WORDS > JOB_WORDS_MAX {
        return Err(SubmissionPlanError::TooManyFiles { app: plan.app.file.clone(), files });
    }
    let length = |workunit: &NewWorkunit| {
        let inputs: usize = round.inputs.0.iter().chain(&workunit.inputs.0).map(|name| name.len() + 1).sum();
        let words = workunit.name.len() + workunit.command_line.len() + inputs;
        "--wu_name  --command_line \"\"".len() + words + LINE_RESERVE
    };
    match workunits.iter().max_by_key(|workunit| length(workunit)) {
        Some(longest) if length(longest) > JOB_LINE_MAX => {
            Err(SubmissionPlanError::LineTooLong { job: longest.job.clone(), files, bytes: length(longest) })
        }
        _ => Ok(()),
    }
}

/// A later run may be started elsewhere.
fn absolute(content: &Content) -> Content {
    match content {
        Content::Path(path) => Content::Path(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        bytes => bytes.clone(),
    }
}

//! From a plan to what is sent to a project.

use sha2::{Digest, Sha256};

use crate::campaign::meta::{CampaignMeta, ProjectRef};
use crate::campaign::submitted::{FileRow, NewWorkunit, Round};
use crate::package::pack::{Listing, Outputs, PackError, TemplateFile, render};
use crate::package::template::Templates;
use crate::plan::Plan;
use crate::plan::content::Content;
use crate::plan::content::hex;
use crate::project::config::ProjectEntry;

/// Digits of a round's digest in the names of its batches.
const DIGEST_DIGITS: usize = 16;
/// create_work reads a job's line into 4,096 bytes, with its end and a NUL (tools/create_work.cpp).
const LINE_MAX: usize = 4096 - 3;
/// What the web code puts beside names and command line: templates (a file in /tmp, and one named by md5), priority.
const LINE_RESERVE: usize = 200;
/// It cuts the line into an array of 100 words, and does not look where that ends.
const WORDS_MAX: usize = 99;

/// Why a plan can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// A template or file can't be used.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The line that makes a job would be too long.
    #[error("{}: job {job} has {files} files, and the line that makes it on a project's server would be {bytes} bytes long; accepted are {LINE_MAX}. Put several files into one archive, or shorten names and arguments", .place)]
    Line {
        /// The app.
        place: String,
        /// The job.
        job: String,
        /// Its inputs, those of the bundle included.
        files: usize,
        /// The line's length.
        bytes: usize,
    },
    /// It would have too many words.
    #[error("{}: each job has {files} files; the line that makes a job on a project's server holds {}. Put several files into one archive", .place, WORDS_MAX - 8)]
    Words {
        /// The app.
        place: String,
        /// Inputs of each job, those of the bundle included.
        files: usize,
    },
}

/// What is sent: ready for the campaign file.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// What the campaign is.
    pub meta: CampaignMeta,
    /// The files, by physical name.
    pub files: Vec<FileRow>,
    /// The templates of all jobs.
    pub round: Round,
    /// The jobs.
    pub workunits: Vec<NewWorkunit>,
    /// Where they come from.
    pub plan: &'a Plan,
}

impl<'a> Outgoing<'a> {
    /// Names files, renders templates, and checks that the server can make the jobs. Reads each file once, or not at
    /// all if its hash is known.
    ///
    /// Files are named in each job's line, those that all jobs share too: a file that came by `job_file.php` has an empty
    /// `.md5` beside it, which `create_work` refuses for files that a template names. All inputs stay on the server
    /// (`<no_delete/>`): they are named by content, so another batch, or another submitter, may use the same file, and
    /// file_deleter would not ask.
    ///
    /// # Errors
    /// A file can't be read, a template can't be used, or a job's line would be too long.
    pub fn new(
        plan: &'a Plan,
        project: &ProjectEntry,
        templates: &Templates,
        now: f64,
    ) -> Result<Self, OutgoingError> {
        let listing = Listing::of(plan).map_err(PackError::from)?;
        let inputs = listing.common.iter().map(|(file, _)| *file).chain(&plan.job_inputs);
        let inputs = inputs.map(|file| TemplateFile {
            no_delete: true,
            // The server would need a compressed copy beside the file, which can't be uploaded.
            gzip: false,
            ..TemplateFile::new(file, None)
        });
        let rendered = render(plan, templates, inputs.collect(), Outputs::Kept)?;
        let common: Vec<&str> = listing.common.iter().map(|(_, name)| name.as_str()).collect();
        let count = plan.job_inputs.len();
        let workunits = plan.jobs.iter().enumerate().map(|(number, job)| NewWorkunit {
            job: job.name.clone(),
            name: job.wu_name.clone(),
            command_line: job.command_line.clone(),
            inputs: listing.per_job[number * count..][..count].join(" "),
        });
        let mut round = Round {
            digest: String::new(),
            input_template: rendered.input,
            output_template: rendered.output,
            rsc_fpops_est: plan.app.resources.flops,
            inputs: common.join(" "),
            changed: String::new(),
        };
        let workunits: Vec<NewWorkunit> = workunits.collect();
        check_lines(plan, &round, &workunits)?;
        round.digest = digest(&project.app_name, &round, &workunits);
        let files = listing.files.iter().map(|(name, file)| FileRow {
            name: name.clone(),
            hash: file.hash.clone(),
            content: absolute(file.content),
        });
        let project = ProjectRef {
            name: project.name.clone(),
            url: project.url.clone(),
            boinc_app: project.app_name.clone(),
        };
        let meta = CampaignMeta { project: Some(project), ..CampaignMeta::of(plan, now) };
        Ok(Self { meta, files: files.collect(), round, workunits, plan })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.hash.bytes).sum()
    }
}

/// Tells what is in a round: part of its batches' names, so that whoever submits the same finds them on the server.
pub fn digest(app_name: &str, round: &Round, workunits: &[NewWorkunit]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"buoy round 1\n");
    for text in [app_name, &round.input_template, &round.output_template, &round.inputs] {
        hasher.update(text);
        hasher.update(b"\0");
    }
    for workunit in workunits {
        hasher.update(format!("{}\0{}\0{}\n", workunit.name, workunit.command_line, workunit.inputs));
    }
    hex(&hasher.finalize())[..DIGEST_DIGITS].to_owned()
}

/// The name of a batch on the server.
pub fn batch_name(meta: &CampaignMeta, digest: &str, part: u32) -> String {
    format!("{}-{}__{}.{digest}.{part}", meta.app, meta.bundle, meta.batch)
}

fn check_lines(plan: &Plan, round: &Round, workunits: &[NewWorkunit]) -> Result<(), OutgoingError> {
    let place = || plan.app.file.display().to_string();
    let files = round.inputs.split(' ').filter(|name| !name.is_empty()).count() + plan.job_inputs.len();
    // Besides the files: four options with a value each.
    if files + 8 > WORDS_MAX {
        return Err(OutgoingError::Words { place: place(), files });
    }
    let length = |workunit: &NewWorkunit| {
        let words =
            workunit.name.len() + workunit.command_line.len() + workunit.inputs.len() + round.inputs.len();
        "--wu_name  --command_line \"\"  ".len() + words + LINE_RESERVE
    };
    match workunits.iter().max_by_key(|workunit| length(workunit)) {
        Some(longest) if length(longest) > LINE_MAX => Err(OutgoingError::Line {
            place: place(),
            job: longest.job.clone(),
            files,
            bytes: length(longest),
        }),
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

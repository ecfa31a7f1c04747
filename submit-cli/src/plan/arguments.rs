//! How the arguments of jobs reach their programs: in the workunit's command line, or in a small file.

use std::sync::Arc;

use boinc::diagnostic::{Diagnostic, Diagnostics, Location};
use boinc::job::argv;

use super::InputFile;
use super::app::{AppSpec, Mode};
use super::content::Content;
use super::expand::Draft;
use super::names::wu_name_bytes;
use super::physical::NAME_LENGTH;

/// create_work --stdin reads a job's line into this many bytes, with its line end and a NUL, and refuses a full buffer
/// (tools/create_work.cpp, CMD_SIZE).
pub(crate) const JOB_LINE_MAX: usize = 4096 - 3;
/// It cuts the line into an array of 100 words, and does not check where that ends.
pub(crate) const JOB_WORDS_MAX: usize = 99;
/// Room in a job's line for what the server's PHP adds: priority, templates, target.
const JOB_LINE_RESERVE: usize = 300;
/// The file in the slot that holds the arguments of a job whose command line is too long.
const ARGV_FILE: &str = "buoy_argv";

/// The arguments of all jobs. All take the same way, since the jobs of a batch share one template.
pub(super) enum Arguments {
    /// In the command line, one for each job.
    CommandLines(Vec<String>),
    /// In an input file, one for each job: a command line would be too long for create_work.
    Files(Vec<Content>),
}

impl Arguments {
    /// Encodes the arguments of the jobs of a batch.
    pub(super) fn of(app: &AppSpec, batch: &str, drafts: &[Draft], mistakes: &mut Diagnostics) -> Self {
        let per_job = app.job_inputs().count();
        if per_job + 4 > JOB_WORDS_MAX {
            let found =
                format!("{per_job} per-job inputs: a line of create_work holds {}", JOB_WORDS_MAX - 4);
            let help = "put several files into one archive";
            mistakes.push(Diagnostic::new(Location::file(&app.file), found).help(help));
        }
        // A remote submission also names the shared files in each job's line. Where these alone fill it, the submission
        // is refused, and the plan can still be packed and run.
        let all = per_job + 1 + app.image.slot_names().count() + app.shared_inputs().count();
        let names = if all < JOB_WORDS_MAX / 2 { all } else { per_job } * (NAME_LENGTH + 1);
        let frame = "--wu_name  --command_line \"\" ".len() + names + JOB_LINE_RESERVE;
        let lines: Vec<String> = drafts.iter().map(|draft| argv::command_line(&draft.args)).collect();
        let fits = |(draft, line): (&Draft, &String)| {
            frame + wu_name_bytes(&app.name, batch, &draft.name) + line.len() <= JOB_LINE_MAX
        };
        if drafts.iter().zip(&lines).all(fits) {
            return Self::CommandLines(lines);
        }
        Self::Files(drafts.iter().map(|draft| argument_file(draft, mistakes)).collect())
    }

    /// The input that carries the arguments, where a file does.
    pub(super) fn input(&self) -> Option<InputFile> {
        matches!(self, Self::Files(_)).then(|| InputFile {
            open_name: ARGV_FILE.to_owned(),
            mode: Mode::Link,
            sticky: false,
            gzip: false,
            executable: false,
        })
    }

    /// The command line of each job, and the file of [`input`](Self::input).
    pub(super) fn into_jobs(self) -> Box<dyn Iterator<Item = (String, Option<Content>)>> {
        match self {
            Self::CommandLines(lines) => Box::new(lines.into_iter().map(|line| (line, None))),
            Self::Files(files) => {
                let line = format!("{}{ARGV_FILE}", argv::ARGV_FILE);
                Box::new(files.into_iter().map(move |file| (line.clone(), Some(file))))
            }
        }
    }
}

fn argument_file(draft: &Draft, mistakes: &mut Diagnostics) -> Content {
    let text = argv::file_content(&draft.args);
    if text.len() as u64 > argv::MAX_ARGV_FILE_BYTES {
        let found = format!("the arguments of job {:?} have {} bytes", draft.name, text.len());
        let accepted = format!("at most {} bytes", argv::MAX_ARGV_FILE_BYTES);
        let help = "move long arguments to an input file";
        mistakes.push(Diagnostic::new(draft.origin.place(), found).accepted(accepted).help(help));
    }
    Content::Bytes(Arc::from(text.into_bytes()))
}

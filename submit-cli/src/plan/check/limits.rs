//! The fixed sizes of a BOINC server: command lines, job lines, XML.

use std::sync::Arc;

use boinc::names::workunit::MAX_OUTPUT_SUFFIX_BYTES;

use boinc::job::argv;

use crate::plan::app::{AppSpec, Mode};
use crate::plan::bundle;
use crate::plan::content::Content;
use crate::plan::expand::Draft;
use crate::plan::{InputFile, Plan};
use boinc::diagnostic::{Diagnostic, Diagnostics, Place};

/// create_work --stdin reads a job's line into this many bytes, with its line end and a NUL, and refuses a full buffer
/// (tools/create_work.cpp, CMD_SIZE).
const JOB_LINE_MAX: usize = 4096 - 3;
/// It cuts the line into an array of 100 words, and does not look where that ends.
const JOB_WORDS_MAX: usize = 99;
/// Room in a job's line for what the server's PHP adds: priority, templates, target.
const JOB_LINE_RESERVE: usize = 300;
/// A workunit's and a result's XML are kept in 64 KB, with a NUL (BLOB_SIZE).
const XML_MAX: usize = 65_535;
/// A validator's command line is built in 4,096 bytes (sched/script_validator.cpp).
const SCRIPT_LINE_MAX: usize = 4095;
/// The file in the slot that holds the arguments of a job whose command line is too long.
const ARGV_FILE: &str = "buoy_argv";
/// Length of an upload directory's path with its fan-out, assumed on a server we have not seen.
const UPLOAD_DIR: usize = 60;
/// Length of a download URL with its fan-out, likewise; create_work keeps 256 bytes for it.
const DOWNLOAD_URL: usize = 200;

/// Checks that a validator's command line holds the paths of two results' outputs.
pub fn outputs(app: &AppSpec, batch: &str, drafts: &[Draft], mistakes: &mut Diagnostics) {
    let Some(longest) = drafts.iter().max_by_key(|draft| draft.name.len()) else { return };
    let wu_name = app.name.len() + 1 + 12 + 2 + batch.len() + 2 + longest.name.len();
    let path = UPLOAD_DIR + 1 + wu_name + MAX_OUTPUT_SUFFIX_BYTES + 1;
    let held = (SCRIPT_LINE_MAX - "../bin/buoy-compare  ".len()) / (2 * path);
    if app.outputs.len() > held {
        let found = format!(
            "{} outputs; a server's validator gets the paths of two results in 4,096 bytes, which holds {held} of them",
            app.outputs.len()
        );
        let place =
            app.outputs.get(held).map_or_else(|| Place::file(&app.file), |output| output.place.clone());
        let help = format!(
            "put several files into one archive, or shorten the names: {:?} is the longest",
            longest.name
        );
        mistakes.push(Diagnostic::new(place, found).help(help));
    }
}

/// Gives each job its command line. If one is too long for create_work, all jobs of the batch get their arguments in
/// a small file instead, since they share one template.
pub fn carry_arguments(plan: &mut Plan, mistakes: &mut Diagnostics) {
    let files = plan.job_inputs.len();
    let words = 4 + files;
    if words > JOB_WORDS_MAX {
        let found = format!(
            "{files} inputs differ from job to job; a line of create_work holds {}",
            JOB_WORDS_MAX - 4
        );
        mistakes.push(
            Diagnostic::new(Place::file(&plan.app.file), found).help("put several files into one archive"),
        );
        return;
    }
    // A remote submission names the files that all jobs share too in each job's line. Where these alone fill it, it is
    // refused there, and the plan can still be packed and run.
    let all = files + plan.bundle.files.len() + plan.shared.len();
    let names = if all < JOB_WORDS_MAX / 2 { all } else { files } * (crate::plan::physical::NAME_LENGTH + 1);
    let frame = "--wu_name  --command_line \"\" ".len() + names + JOB_LINE_RESERVE;
    let mut all_fit = true;
    for job in &mut plan.jobs {
        job.command_line = argv::command_line(&job.args);
        all_fit &= frame + job.wu_name.len() + job.command_line.len() <= JOB_LINE_MAX;
    }
    if all_fit {
        return;
    }
    let file = InputFile {
        open_name: ARGV_FILE.to_owned(),
        mode: Mode::Link,
        sticky: false,
        gzip: false,
        executable: false,
    };
    plan.job_inputs.push(file);
    for job in &mut plan.jobs {
        job.command_line = format!("{}{ARGV_FILE}", argv::ARGV_FILE);
        let text = argv::file_content(&job.args);
        if text.len() as u64 > argv::MAX_ARGV_FILE_BYTES {
            let found = format!("the arguments of job {:?} take {} bytes", job.name, text.len());
            let accepted = format!("{} bytes", argv::MAX_ARGV_FILE_BYTES);
            let help = "put what is long into an input file";
            mistakes.push(Diagnostic::new(job.origin.place(), found).accepted(accepted).help(help));
        }
        job.inputs.push(Content::Bytes(Arc::from(text.into_bytes())));
    }
    // job.toml names the inputs that differ from job to job, and so the bundle is another one now.
    if let Some(bundle) = bundle::pack(&plan.app, &plan.job_inputs, mistakes) {
        for job in &mut plan.jobs {
            job.wu_name = job.wu_name.replacen(plan.bundle.short_hash(), bundle.short_hash(), 1);
        }
        plan.bundle = bundle;
    }
}

/// Checks that the XML that a server makes of the templates fits its fields. URLs and signatures are counted at the
/// lengths that servers have at most, so a little less than the limit is refused.
pub fn xml(plan: &Plan, mistakes: &mut Diagnostics) {
    let shared = plan.shared.iter().map(|input| &input.file);
    let inputs = plan.bundle.files.iter().map(|file| &file.file).chain(shared).chain(&plan.job_inputs);
    let per_file = |file: &InputFile| {
        // <file_info>: name, url, md5 and size with their tags and flags; <file_ref>: both names.
        2 * crate::plan::physical::NAME_LENGTH + DOWNLOAD_URL + file.open_name.len() + 320
    };
    let longest = plan.jobs.iter().map(|job| job.command_line.len()).max().unwrap_or(0);
    let workunit = inputs.map(per_file).sum::<usize>() + longest + 200;
    let count = plan.bundle.files.len() + plan.shared.len() + plan.job_inputs.len();
    refuse_over(workunit, &format!("the workunit's XML with {count} input files"), "inputs", plan, mistakes);

    let name = plan.jobs.iter().map(|job| job.wu_name.len()).max().unwrap_or(0) + MAX_OUTPUT_SUFFIX_BYTES;
    // Each output's file_info gets the upload URL and a signature of 1,024 bits in hex digits.
    let result: usize =
        plan.app.outputs.iter().map(|output| 2 * name + output.name.len() + 255 + 280 + 400).sum();
    let what = format!("the result's XML with {} outputs", plan.app.outputs.len());
    refuse_over(result, &what, "outputs", plan, mistakes);
}

fn refuse_over(bytes: usize, what: &str, files: &str, plan: &Plan, mistakes: &mut Diagnostics) {
    if bytes > XML_MAX {
        let found = format!("{what} would be about {bytes} bytes long");
        mistakes.push(
            Diagnostic::new(Place::file(&plan.app.file), found)
                .accepted(format!("{XML_MAX} bytes, the size of BOINC's field"))
                .help(format!("put several {files} into one archive")),
        );
    }
}

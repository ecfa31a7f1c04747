//! The fixed sizes of a BOINC server: command lines, job lines, XML.

use boinc::diagnostic::{Diagnostic, Diagnostics, Location};
use boinc::names::workunit::MAX_OUTPUT_SUFFIX_BYTES;

use crate::plan::app::AppSpec;
use crate::plan::expand::Draft;
use crate::plan::names::wu_name_bytes;
use crate::plan::physical::NAME_LENGTH;
use crate::plan::{InputFile, Plan};

/// A workunit's and a result's XML are kept in 64 KB, with a NUL (BLOB_SIZE).
const XML_MAX: usize = 65_535;
/// A validator's command line is built in 4,096 bytes (sched/script_validator.cpp).
const SCRIPT_LINE_MAX: usize = 4095;
/// Length of an upload directory's path with its fan-out, assumed for an unknown server.
const UPLOAD_DIR: usize = 60;
/// Length of a download URL with its fan-out, also assumed; create_work keeps 256 bytes for it.
const DOWNLOAD_URL: usize = 200;

/// Checks that a validator's command line holds the paths of two results' outputs.
pub fn outputs(app: &AppSpec, batch: &str, drafts: &[Draft], mistakes: &mut Diagnostics) {
    let Some(longest) = drafts.iter().max_by_key(|draft| draft.name.len()) else { return };
    let wu_name = wu_name_bytes(&app.name, batch, &longest.name);
    let path = UPLOAD_DIR + 1 + wu_name + MAX_OUTPUT_SUFFIX_BYTES + 1;
    let held = (SCRIPT_LINE_MAX - "../bin/buoy-compare  ".len()) / (2 * path);
    if app.outputs.len() > held {
        let found = format!(
            "{} outputs: a validator's command line of 4,096 bytes holds the paths of {held} outputs of two results",
            app.outputs.len()
        );
        let place =
            app.outputs.get(held).map_or_else(|| Location::file(&app.file), |output| output.place.clone());
        let help = format!(
            "put several files into one archive, or shorten the names: {:?} is the longest",
            longest.name
        );
        mistakes.push(Diagnostic::new(place, found).help(help));
    }
}

/// Checks that the XML that a server makes of the templates fits its fields. URLs and signatures are counted at the
/// lengths that servers have at most, so a little less than the limit is refused.
pub fn xml(plan: &Plan, mistakes: &mut Diagnostics) {
    let inputs: Vec<&InputFile> = plan.common_files().map(|(file, _)| file).chain(&plan.job_inputs).collect();
    let per_file = |file: &&InputFile| {
        // <file_info>: name, url, md5 and size with their tags and flags; <file_ref>: both names.
        2 * NAME_LENGTH + DOWNLOAD_URL + file.open_name.len() + 320
    };
    let longest = plan.jobs.iter().map(|job| job.command_line.len()).max().unwrap_or(0);
    let workunit = inputs.iter().map(per_file).sum::<usize>() + longest + 200;
    let what = format!("the workunit's XML with {} input files", inputs.len());
    refuse_over(workunit, &what, "inputs", plan, mistakes);

    let name = plan.jobs.iter().map(|job| job.wu_name.len()).max().unwrap_or(0) + MAX_OUTPUT_SUFFIX_BYTES;
    // Each output's file_info gets the upload URL and a signature of 1,024 bits in hex digits.
    let result: usize =
        plan.app.outputs.iter().map(|output| 2 * name + output.name.len() + 255 + 280 + 400).sum();
    let what = format!("the result's XML with {} outputs", plan.app.outputs.len());
    refuse_over(result, &what, "outputs", plan, mistakes);
}

fn refuse_over(bytes: usize, what: &str, files: &str, plan: &Plan, mistakes: &mut Diagnostics) {
    if bytes > XML_MAX {
        let found = format!("{what} would have about {bytes} bytes");
        mistakes.push(
            Diagnostic::new(Location::file(&plan.app.file), found)
                .accepted(format!("at most {XML_MAX} bytes, the size of BOINC's field"))
                .help(format!("put several {files} into one archive")),
        );
    }
}

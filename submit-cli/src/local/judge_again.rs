//! Judges results again when only the rules of the app have changed since they were computed.
//!
//! The rules are part of the bundle, whose hash is in the names of workunits: they get their new names here, with everything
//! on the emulated server that is named after them.

use std::collections::HashMap;
use std::path::Path;

use super::keep;
use super::layout::Layout;
use super::prepare;
use super::slot::OutputRef;
use crate::campaign::file_error::{FileError, remove_file};
use crate::campaign::job_view::JobState;
use crate::campaign::workunit::{ErrorMask, Outcome, ResultState, ValidateState};
use crate::campaign::{JobRecord, ResultRecord};
use crate::plan::Plan;

/// Prepares jobs that were judged by other rules for those of the plan; what to tell the user, if there are some. Each step can
/// be repeated after an interruption.
pub fn judge_again(
    plan: &Plan,
    total: u32,
    layout: &Layout,
    jobs: &mut [JobRecord],
) -> Result<Option<String>, FileError> {
    let names: HashMap<&str, &str> =
        plan.jobs.iter().map(|job| (job.name.as_str(), job.wu_name.as_str())).collect();
    let (mut again, mut done, mut gone) = (0, 0, 0);
    for job in jobs.iter_mut().filter(|job| job.in_plan) {
        let Some(&new) = names.get(job.name.as_str()).filter(|new| ***new != *job.wu_name) else { continue };
        rename(plan, layout, job, new)?;
        let state = job.state();
        if state == JobState::Done {
            done += 1;
            continue;
        }
        let is_there = restore(plan, layout, job)?;
        if state == JobState::Failed && is_there.is_empty() {
            gone += usize::from(job.current().any(is_judged));
            continue;
        }
        again += usize::from(!is_there.is_empty());
        for result in job.results.iter_mut().filter(|result| result.n >= job.first_n && is_judged(result)) {
            let outcome = if is_there.contains(&result.n) {
                Outcome::Success(ValidateState::Init)
            } else {
                Outcome::DidntNeed
            };
            result.state = ResultState::Over(outcome);
            result.cause = None;
        }
        job.errors = ErrorMask::default();
        job.target_nresults = total;
        job.canonical = None;
        job.assimilated = false;
        job.cause = None;
    }
    let counts = [
        (again, "are judged again without running them"),
        (done, "are done and keep the verdict of the earlier rules"),
        (gone, "have no outputs left to judge; run again with --retry to run them again"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    Ok((!parts.is_empty())
        .then(|| format!("the validation rules have changed; of the jobs, {}", parts.join("; "))))
}

/// A result that ran successfully, whatever a validator said of it.
fn is_judged(result: &ResultRecord) -> bool {
    matches!(result.state, ResultState::Over(Outcome::Success(_) | Outcome::ValidateError))
}

/// Gives a workunit its new name, and the logs of its results; outputs that the server has are set aside. A result in a
/// slot starts from scratch.
fn rename(plan: &Plan, layout: &Layout, job: &mut JobRecord, new: &str) -> Result<(), FileError> {
    for at in 0..job.results.len() {
        let n = job.results[at].n;
        keep::reject(layout, job, n, &prepare::outputs(plan, &job.wu_name, n))?;
        let (from, to) = (layout.log(&job.result_name(n)), layout.log(&format!("{new}_{n}")));
        move_if_exists(&from, &to)?;
        if job.results[at].state == ResultState::InProgress {
            job.results[at] = ResultRecord::unsent(n);
        }
    }
    keep::remove_note(layout, job)?;
    job.wu_name = new.to_owned();
    Ok(())
}

/// Puts the outputs of results back where the validator looks for them; the numbers of those that are complete.
fn restore(plan: &Plan, layout: &Layout, job: &JobRecord) -> Result<Vec<u32>, FileError> {
    let mut complete = Vec::new();
    for result in job.current().filter(|result| is_judged(result)) {
        let dir = keep::rejected_dir(layout, job, result.n);
        let outputs: Vec<OutputRef> = prepare::outputs(plan, &job.wu_name, result.n);
        for output in &outputs {
            let to = layout.upload(&output.physical_name);
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).map_err(FileError::at(parent, "create the directory"))?;
            }
            move_if_exists(&dir.join(&output.open_name), &to)?;
        }
        let is_there = |output: &OutputRef| layout.upload(&output.physical_name).symlink_metadata().is_ok();
        if outputs.iter().all(|output| output.optional || is_there(output)) && outputs.iter().any(is_there) {
            complete.push(result.n);
        }
    }
    // The log in its directory is that of the earlier verdict.
    let log = keep::job_dir(layout, job).join(boinc::wire::slot::STDERR_FILE);
    remove_file(&log)?;
    Ok(complete)
}

fn move_if_exists(from: &Path, to: &Path) -> Result<(), FileError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::at(to, "move a file here")(error))
        }
        _ => Ok(()),
    }
}

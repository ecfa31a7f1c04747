//! What a submission will send.

use std::io::{self, Write};

use super::terminal;
use crate::plan::units::{show_duration, show_size};
use crate::project::config::ProjectEntry;
use crate::remote::submission::dry_run::PlannedRequests;
use crate::remote::submission::submission_plan::SubmissionPlan;

/// What is going to be sent, in a line on stderr.
pub fn summary(plan: &SubmissionPlan, jobs: usize, estimate_seconds: Option<f64>) {
    let meta = &plan.meta;
    let estimate = match estimate_seconds {
        Some(seconds) => format!("; the project estimates {} of work", show_duration(seconds)),
        None => String::new(),
    };
    let line = format!(
        "submit   {jobs} jobs of {}, batch {}, to {} ({}), app {}; {} files, {}{estimate}",
        meta.app,
        meta.batch,
        meta.project().name,
        meta.project().url,
        meta.project().boinc_app,
        plan.files.len(),
        show_size(plan.bytes()),
    );
    let _ = writeln!(terminal::err(), "{line}");
}

/// Says, on stderr, that it is not known what kind of app the BOINC app is.
pub fn unknown_app(project: &ProjectEntry) {
    let line = format!(
        "note: the project does not show whether its app {} is a universal app; jobs bring all files. If it is a single-purpose \
         app, use --installed",
        project.app_name
    );
    let _ = writeln!(terminal::err(), "{line}");
}

/// Asks on the terminal; only a yes is one.
///
/// # Errors
/// The terminal can't be read.
pub fn confirm(question: &str) -> io::Result<bool> {
    let mut err = terminal::err();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Prints what would be sent to stdout.
///
/// # Errors
/// stdout is closed.
pub fn dry_run(requests: &[PlannedRequests]) -> io::Result<()> {
    let mut out = terminal::out();
    for request in requests {
        let PlannedRequests { request, about, count, bytes } = request;
        writeln!(out, "{count:>5} × {request:<13} {:>10}  {about}", show_size(*bytes))?;
    }
    let (count, bytes) =
        requests.iter().fold((0, 0), |(count, bytes), more| (count + more.count, bytes + more.bytes));
    writeln!(
        out,
        "{count:>5} requests       {:>10}  if the server has none of the files; nothing was sent",
        show_size(bytes)
    )
}

/// The same as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn dry_run_json(plan: &SubmissionPlan, requests: &[PlannedRequests]) -> io::Result<()> {
    terminal::json(&serde_json::json!({
        "app": plan.meta.app,
        "batch": plan.meta.batch,
        "jobs": plan.workunits.len(),
        "files": plan.files.len(),
        "file_bytes": plan.bytes(),
        "requests": requests,
    }))
}

//! Shows a submission: a bar of bytes on a terminal, lines elsewhere, JSON for programs.

use std::io::{self, Write};
use std::sync::Mutex;

use boinc::visible::visible;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::terminal;
use crate::plan::units::{show_duration, show_size};
use crate::remote::submission::dry_run::PlannedRequests;
use crate::remote::submission::outgoing::Outgoing;
use crate::remote::submission::reporter::{SubmitEvent, SubmitReporter};

/// The reporter that fits: JSON if asked for, else a bar if stderr is a terminal, else lines.
pub fn reporter(json: bool) -> Box<dyn SubmitReporter> {
    match (json, terminal::err_is_terminal()) {
        (true, _) => Box::new(Json),
        (false, true) => Box::new(Bar { bytes: Mutex::new(ProgressBar::hidden()) }),
        (false, false) => Box::new(Lines),
    }
}

struct Json;

impl SubmitReporter for Json {
    fn report(&self, event: SubmitEvent<'_>) {
        // Bytes come in thousands of pieces; the files that arrived say the same.
        if matches!(event, SubmitEvent::Sent { .. }) {
            return;
        }
        terminal::json_event(&event);
    }
}

struct Lines;

impl SubmitReporter for Lines {
    fn report(&self, event: SubmitEvent<'_>) {
        if let Some(line) = words(&event) {
            let _ = writeln!(terminal::err(), "{line}");
        }
    }
}

struct Bar {
    bytes: Mutex<ProgressBar>,
}

impl SubmitReporter for Bar {
    fn report(&self, event: SubmitEvent<'_>) {
        let Ok(mut bar) = self.bytes.lock() else { return };
        match event {
            SubmitEvent::FilesAsked { absent_bytes, absent, .. } if absent > 0 => {
                *bar = ProgressBar::new(absent_bytes);
                bar.set_style(
                    ProgressStyle::with_template(
                        "{bar:30} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left{msg}",
                    )
                    .expect("our templates are right")
                    .progress_chars("━╸ "),
                );
                bar.enable_steady_tick(std::time::Duration::from_millis(200));
            }
            // Requests carry more than the files' bytes, and what is lost goes out twice.
            SubmitEvent::Sent { bytes } => {
                bar.inc(bytes.min(bar.length().unwrap_or(0).saturating_sub(bar.position())))
            }
            SubmitEvent::Batch { .. } | SubmitEvent::Finished { .. } => bar.finish_and_clear(),
            _ => {}
        }
        if let Some(line) = words(&event) {
            bar.suspend(|| {
                let _ = writeln!(terminal::err(), "{line}");
            });
        }
    }
}

/// What an event says; nothing for most.
fn words(event: &SubmitEvent<'_>) -> Option<String> {
    Some(match event {
        SubmitEvent::FilesAsked { files, absent: 0, .. } => {
            format!("files    all {files} are on the server")
        }
        SubmitEvent::FilesAsked { files, absent, absent_bytes } => {
            format!("files    uploading {absent} of {files} ({})", show_size(*absent_bytes))
        }
        SubmitEvent::Learned { request_bytes, files } => {
            format!("server   limit: {files} files and {} per request", show_size(*request_bytes))
        }
        SubmitEvent::Batch { name, id, present: 0 } => format!("batch    {id}: {name}"),
        SubmitEvent::Batch { name, id, present } => {
            format!("batch    {id}: {name}, already has {present} jobs")
        }
        SubmitEvent::Unassociated { why } => format!(
            "note     the project does not keep a list of the files of a batch (its administrator can apply db/schema_condor.sql): {}",
            visible(why)
        ),
        SubmitEvent::Submitted { jobs, .. } => format!("jobs     {jobs} submitted"),
        SubmitEvent::Waiting { seconds, doing, why } => {
            format!("waiting  {}, then retrying to {doing}: {}", show_duration(*seconds), visible(why))
        }
        SubmitEvent::Finished { jobs, waiting: 0 } => format!("done     all {jobs} jobs are on the server"),
        SubmitEvent::Finished { jobs, waiting } => {
            format!("done     {waiting} of {jobs} jobs are not on the server yet")
        }
        SubmitEvent::Sent { .. } | SubmitEvent::Uploaded { .. } => return None,
    })
}

/// What is going to be sent, in a line on stderr.
pub fn summary(outgoing: &Outgoing<'_>, jobs: usize, estimate_seconds: Option<f64>) {
    let facts = &outgoing.facts;
    let estimate = match estimate_seconds {
        Some(seconds) => format!("; the project estimates {} of work", show_duration(seconds)),
        None => String::new(),
    };
    let line = format!(
        "submit   {jobs} jobs of {}, batch {}, to {} ({}), app {}; {} files, {}{estimate}",
        facts.app,
        facts.batch,
        facts.project,
        facts.url,
        facts.boinc_app,
        outgoing.files.len(),
        show_size(outgoing.bytes()),
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
pub fn dry_run_json(outgoing: &Outgoing<'_>, requests: &[PlannedRequests]) -> io::Result<()> {
    #[derive(Serialize)]
    struct DryRun<'a> {
        app: &'a str,
        batch: &'a str,
        jobs: usize,
        files: usize,
        file_bytes: u64,
        requests: &'a [PlannedRequests],
    }
    terminal::json(&DryRun {
        app: &outgoing.facts.app,
        batch: &outgoing.facts.batch,
        jobs: outgoing.workunits.len(),
        files: outgoing.files.len(),
        file_bytes: outgoing.bytes(),
        requests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_what_a_submission_did() {
        let events = [
            SubmitEvent::FilesAsked { files: 12, absent: 0, absent_bytes: 0 },
            SubmitEvent::FilesAsked { files: 12, absent: 3, absent_bytes: 4096 },
            SubmitEvent::Learned { request_bytes: 4 << 20, files: 20 },
            SubmitEvent::Batch { name: "a-0__b.d.1", id: 41, present: 0 },
            SubmitEvent::Batch { name: "a-0__b.d.1", id: 41, present: 506 },
            SubmitEvent::Submitted { name: "a-0__b.d.1", jobs: 701 },
            SubmitEvent::Waiting { seconds: 0.5, doing: "submit jobs", why: "closed\u{1b}[2J" },
            SubmitEvent::Sent { bytes: 1 },
            SubmitEvent::Finished { jobs: 701, waiting: 0 },
        ];
        let text: Vec<String> = events.iter().filter_map(words).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        files    all 12 are on the server
        files    uploading 3 of 12 (4.1 kB)
        server   limit: 20 files and 4.2 MB per request
        batch    41: a-0__b.d.1
        batch    41: a-0__b.d.1, already has 506 jobs
        jobs     701 submitted
        waiting  0.5 s, then retrying to submit jobs: closed\u{1b}[2J
        done     all 701 jobs are on the server
        ");
    }
}

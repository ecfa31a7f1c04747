//! A finished job in detail (`query_completed_job`).

use boinc::entity::unescape_html;

use super::id::ResultId;
use crate::project::xml::{between, number};

/// The canonical instance of a finished job. For a failed job the server's code breaks off; see [`super::task_page`].
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedJob {
    /// The instance.
    pub canonical_instance: Option<ResultId>,
    /// Exit status.
    pub exit_status: i32,
    /// Run time in seconds.
    pub elapsed_seconds: f64,
    /// CPU seconds.
    pub cpu_seconds: f64,
    /// What the client sent: `<core_client_version>`, `<stderr_txt>` and so on, as text.
    pub stderr: String,
}

impl CompletedJob {
    /// What the job wrote to stderr, without what the client wrote around it.
    pub fn stderr_txt(&self) -> &str {
        stderr_txt(&self.stderr)
    }
}

/// The inside of `<stderr_txt>` in what a client sent, else all of it (`client/cs_scheduler.cpp`, `make_scheduler_request`).
pub(crate) fn stderr_txt(sent: &str) -> &str {
    let inside = match sent.split_once("<stderr_txt>") {
        Some((_, rest)) => rest.rsplit_once("</stderr_txt>").map_or(rest, |(inside, _)| inside),
        None => sent,
    };
    inside.strip_prefix('\n').unwrap_or(inside)
}

/// From the inside of `<query_completed_job>`.
pub(crate) fn parse(text: &str) -> Result<CompletedJob, String> {
    // The text is escaped and in CDATA too (`query_completed_job`), so an end of CDATA cannot stand in it.
    let stderr = between(text, "<stderr_out>", "</stderr_out>").ok_or("no <stderr_out>")?.trim();
    let stderr = stderr.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>")).unwrap_or(stderr);
    Ok(CompletedJob {
        canonical_instance: number(text, "canonical_resultid").map(ResultId),
        exit_status: number(text, "exit_status").ok_or("no number in <exit_status>")?,
        elapsed_seconds: number(text, "elapsed_time").ok_or("no number in <elapsed_time>")?,
        cpu_seconds: number(text, "cpu_time").ok_or("no number in <cpu_time>")?,
        stderr: unescape_html(stderr.trim()),
    })
}

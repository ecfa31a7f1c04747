//! What `buoy admin check` found and fixed.

use std::io::{self, Write};

use boinc::visible::visible;
use serde::Serialize;

use super::terminal;
use crate::admin::check::{Finding, Grade};
use crate::admin::fix::FixError;

/// What was done, or why not.
type Done = Result<String, FixError>;

/// Prints what was fixed and what was found, and on stderr how much that is.
///
/// # Errors
/// stdout is closed.
pub fn text(findings: &[Finding], done: &[Done], fixed: bool) -> io::Result<()> {
    let mut out = terminal::out();
    for done in done {
        match done {
            Ok(line) => writeln!(out, "fixed: {}", visible(line))?,
            Err(error) => writeln!(out, "not fixed: {}", visible(&with_cause(error)))?,
        }
    }
    for finding in findings {
        writeln!(out, "{}: {}", finding.grade.word(), finding.what)?;
    }
    // There is no place left to report a failure to write to stderr.
    let _ = writeln!(terminal::err(), "{}", summary(findings, fixed));
    Ok(())
}

fn with_cause(error: &FixError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn summary(findings: &[Finding], fixed: bool) -> String {
    let count = |grade: Grade| findings.iter().filter(|finding| finding.grade == grade).count();
    let counts: Vec<String> = [Grade::Unsafe, Grade::Wrong, Grade::Advice, Grade::Unchecked]
        .into_iter()
        .filter(|grade| count(*grade) > 0)
        .map(|grade| format!("{} {}", count(grade), grade.word()))
        .collect();
    let fixable = findings.iter().filter(|finding| finding.fix.is_some()).count();
    match (counts.is_empty(), fixable) {
        (true, _) => "all good".to_owned(),
        (false, 1..) if !fixed => format!("{}; run with --fix to fix {fixable} of them", counts.join(", ")),
        _ => counts.join(", "),
    }
}

/// Prints all of it as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(findings: &[Finding], done: &[Done]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        grade: Grade,
        file: Option<String>,
        line: Option<u32>,
        found: &'a str,
        accepted: Option<&'a str>,
        help: Option<&'a str>,
        fixable: bool,
    }
    let lines: Vec<Line<'_>> = findings
        .iter()
        .map(|finding| Line {
            grade: finding.grade,
            file: finding.what.place.file.as_ref().map(|file| file.display().to_string()),
            line: finding.what.place.line,
            found: &finding.what.found,
            accepted: finding.what.accepted.as_deref(),
            help: finding.what.help.as_deref(),
            fixable: finding.fix.is_some(),
        })
        .collect();
    let mended: Vec<&String> = done.iter().filter_map(|done| done.as_ref().ok()).collect();
    let not_mended: Vec<String> =
        done.iter().filter_map(|done| done.as_ref().err()).map(with_cause).collect();
    let all = serde_json::json!({ "findings": lines, "mended": mended, "not_mended": not_mended });
    terminal::json(&all)
}

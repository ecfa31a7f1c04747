//! What `buoy doctor` found, a line each.

use std::io::{self, Write};

use boinc::visible::visible;

use super::terminal;
use crate::admin::doctor::Finding;

/// Prints findings to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(findings: &[Finding]) -> io::Result<()> {
    let mut out = terminal::out();
    for finding in findings {
        write!(out, "{:<5} {}: {}", finding.grade.word(), finding.about, visible(&finding.found))?;
        match &finding.advice {
            Some(advice) => writeln!(out, "; {advice}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

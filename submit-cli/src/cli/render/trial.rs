//! What came out when rules were tried by hand.

use std::io::{self, Write};

use boinc::visible::visible;

use super::terminal;
use crate::plan::try_rules::OutputVerdict;

/// Prints it to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(trials: &[OutputVerdict]) -> io::Result<()> {
    let text: String = trials.iter().map(words).collect();
    terminal::out().write_all(text.as_bytes())
}

/// Prints it to stdout as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(trials: &[OutputVerdict]) -> io::Result<()> {
    let agree = trials.iter().all(OutputVerdict::is_good);
    terminal::json(&serde_json::json!({ "agree": agree, "outputs": trials }))
}

fn words(trial: &OutputVerdict) -> String {
    let mut text = format!("output   {}\nrule     {}\n", trial.output, trial.rule);
    if let Some(check) = &trial.check {
        text.push_str(&format!("each     {check}\n"));
    }
    for (which, fault) in ["first", "second"].iter().zip(&trial.faults) {
        if let Some(fault) = fault {
            text.push_str(&format!("{which:<8} invalid: {} {}\n", trial.output, visible(fault)));
        }
    }
    if let Some(help) = &trial.help {
        text.push_str(&format!("help     {}\n", visible(help)));
    }
    match &trial.difference {
        None => text.push_str("verdict  they agree\n"),
        Some(how) => text.push_str(&format!("verdict  they differ: {} {}\n", trial.output, visible(how))),
    }
    for (which, line) in ["first", "second"].iter().zip(&trial.lines) {
        text.push_str(&format!("{which:<8} {}\n", visible(line)));
    }
    if let Some(keys) = &trial.suggestion {
        text.push_str(&format!("help     they agree with {}\n", visible(keys)));
    }
    text
}

//! What assimilation could not finish.

use std::io::{self, Write};

use boinc::calendar::utc;
use boinc::visible::visible;
use validators::spool::{Listed, SpoolError, Waiting};
use validators::worker::RoundSummary;

use super::terminal;
use crate::plan::units::show_size;

fn why(error: &SpoolError) -> String {
    format!("{}: {}", error.path.display(), error.source)
}

/// Prints a line for each item, and on stderr how many there are.
///
/// # Errors
/// stdout is closed.
pub fn text(items: &[Listed], now: f64) -> io::Result<()> {
    let mut out = terminal::out();
    for (key, waiting) in items {
        let key = visible(key);
        let waiting = match waiting {
            Ok(waiting) => waiting,
            Err(error) => {
                writeln!(out, "{key} (cannot be read): {}", visible(&why(error)))?;
                continue;
            }
        };
        let state = &waiting.state;
        let when = match state.attempts {
            0 => "not tried yet".to_owned(),
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        let next = if state.next_attempt > now { utc(state.next_attempt) } else { "now".to_owned() };
        let why = if state.error.is_empty() { String::new() } else { format!(": {}", visible(&state.error)) };
        writeln!(out, "{key} ({}, {when}, next {next}){why}", show_size(waiting.bytes))?;
    }
    // There is no place left to report a failure to write to stderr.
    let _ = writeln!(terminal::err(), "{} waiting", items.len());
    Ok(())
}

/// Prints all of it as one JSON array.
///
/// # Errors
/// stdout is closed.
pub fn json(items: &[Listed]) -> io::Result<()> {
    let object = |(key, waiting): &Listed| match waiting {
        Ok(Waiting { item, state, bytes }) => {
            serde_json::json!({ "item": item, "state": state, "bytes": bytes })
        }
        Err(error) => serde_json::json!({ "item": { "key": key }, "broken": why(error) }),
    };
    let items: Vec<_> = items.iter().map(object).collect();
    terminal::pretty_json(&items)
}

/// Prints what came of trying again.
///
/// # Errors
/// stdout is closed.
pub fn retried(outlook: &RoundSummary, lines: &[String]) -> io::Result<()> {
    let mut out = terminal::out();
    for line in lines {
        writeln!(out, "{}", visible(line))?;
    }
    writeln!(out, "{} done, {} still waiting", outlook.finished, outlook.stuck)
}

/// Prints what was given up.
///
/// # Errors
/// stdout is closed.
pub fn dropped(count: usize, busy: &[&str]) -> io::Result<()> {
    let mut out = terminal::out();
    for item in busy {
        writeln!(out, "{}: in use by another process, not dropped", visible(item))?;
    }
    writeln!(out, "{count} dropped")
}

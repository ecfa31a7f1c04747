//! The only place that prints.

pub mod actions;
pub mod admin;
pub mod admin_check;
pub mod admin_clean;
pub mod admin_routes;
pub mod admin_spool;
pub mod doctor;
pub mod events;
mod hint;
#[cfg(test)]
mod json_schema;
pub mod list;
pub mod plan;
pub mod projects;
pub mod status;
mod style;
pub mod submit;
mod table;
pub(crate) mod terminal;
pub mod trial;
mod words;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use boinc::visible::visible;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::create::buda::Imported;
use boinc::diagnostic::Diagnostic;

/// More mistakes than these are counted, not shown: ten thousand rows can have the same one.
const SHOWN_MAX: usize = 50;

/// Prints a value as JSON if that is wanted, else what `text` prints.
pub fn output(json: bool, value: &impl Serialize, text: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if json { terminal::json(value) } else { text() }
}

/// Prints errors in a submitter's files, and how many there are.
pub fn diagnostics(list: &[Diagnostic]) -> Exit {
    let mut err = terminal::err();
    // There is no place left to report a failure to write to stderr.
    for diagnostic in list.iter().take(SHOWN_MAX) {
        let _ = writeln!(err, "error: {}", diagnostic);
    }
    if list.len() > SHOWN_MAX {
        let _ = writeln!(err, "… and {} more", list.len() - SHOWN_MAX);
    }
    let _ = match list.len() {
        1 => writeln!(err, "1 error; nothing was changed"),
        n => writeln!(err, "{n} errors; nothing was changed"),
    };
    Exit::BadInput
}

/// Prints what the submitter should know about a plan, to stderr.
pub fn warnings(list: &[Diagnostic]) {
    let mut err = terminal::err();
    for diagnostic in list.iter().take(SHOWN_MAX) {
        let _ = writeln!(err, "warning: {diagnostic}");
    }
}

/// Prints all mistakes: to stderr, or as one JSON object to stdout.
///
/// # Errors
/// stdout is closed.
pub fn mistakes(list: &[Diagnostic], json: bool) -> io::Result<Exit> {
    if json { diagnostics_json(list) } else { Ok(diagnostics(list)) }
}

/// Prints all mistakes to stdout, as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn diagnostics_json(list: &[Diagnostic]) -> io::Result<Exit> {
    let mistakes: Vec<Mistake<'_>> = list.iter().map(Mistake::of).collect();
    terminal::json(&serde_json::json!({ "mistakes": mistakes }))?;
    Ok(Exit::BadInput)
}

/// An error in a submitter's files, for programs.
#[derive(Serialize)]
struct Mistake<'a> {
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    found: &'a str,
    accepted: Option<&'a str>,
    help: Option<&'a str>,
}

impl<'a> Mistake<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Self {
        Self {
            file: diagnostic.place.file.as_ref().map(|file| file.display().to_string()),
            line: diagnostic.place.line,
            column: diagnostic.place.column,
            found: &diagnostic.found,
            accepted: diagnostic.accepted.as_deref(),
            help: diagnostic.help.as_deref(),
        }
    }
}

/// Prints which files of a starter app were written, and what to do next.
///
/// # Errors
/// stdout is closed.
pub fn starter(dir: &Path, files: &[PathBuf]) -> io::Result<()> {
    let mut out = terminal::out();
    for file in files {
        writeln!(out, "{}", dir.join(file).display())?;
    }
    let _ = writeln!(terminal::err(), "next: buoy check {0}, then buoy run {0}", dir.display());
    Ok(())
}

/// Prints which files an import wrote, what to know about them, and what to do next.
///
/// # Errors
/// stdout is closed.
pub fn imported(dir: &Path, imported: &Imported) -> io::Result<()> {
    let mut out = terminal::out();
    for file in &imported.written {
        writeln!(out, "{}", dir.join(file).display())?;
    }
    let mut err = terminal::err();
    // There is no place left to report a failure to write to stderr.
    for note in &imported.notes {
        let _ = writeln!(err, "note: {}", continued(note));
    }
    let jobs = if imported.has_jobs { "" } else { " JOBS" };
    let _ = writeln!(err, "next: buoy check {0}{jobs}, then buoy run {0}{jobs}", dir.display());
    Ok(())
}

/// Prints what the user has to fix in files that were written.
pub fn left_to_fix(list: &[Diagnostic]) -> Exit {
    let mut err = terminal::err();
    for diagnostic in list.iter().take(SHOWN_MAX) {
        let _ = writeln!(err, "to fix: {}", diagnostic);
    }
    if list.len() > SHOWN_MAX {
        let _ = writeln!(err, "… and {} more", list.len() - SHOWN_MAX);
    }
    Exit::Findings
}

/// Prints a log to stdout, with a line of heading on stderr.
///
/// # Errors
/// stdout is closed.
pub fn log(heading: &str, log: &str) -> io::Result<()> {
    writeln!(terminal::err(), "{}", visible(heading))?;
    terminal::out().write_all(log.as_bytes())
}

/// Prints something to know to stderr.
pub fn note(text: &str) {
    let _ = writeln!(terminal::err(), "note: {}", continued(text));
}

/// Prints a script for a shell to stdout.
///
/// # Errors
/// stdout is closed.
pub fn script(script: &[u8]) -> io::Result<()> {
    terminal::out().write_all(script)
}

/// Prints where something was written.
///
/// # Errors
/// stdout is closed.
pub fn path(path: &Path) -> io::Result<()> {
    writeln!(terminal::out(), "{}", path.display())
}

/// Prints an error and its causes.
pub fn error(error: &anyhow::Error) -> Exit {
    let broken_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(broken_pipe) {
        // Whoever read our output has seen enough.
        return Exit::Done;
    }
    print_chain(error);
    Exit::HostCannot
}

/// Prints an error that the submitter has to fix, and its causes.
pub fn refusal(error: &anyhow::Error) -> Exit {
    print_chain(error);
    Exit::BadInput
}

/// Prints what to do about an error, below it.
pub fn help(text: &str) {
    let _ = writeln!(terminal::err(), "  help: {}", continued(text));
}

fn print_chain(error: &anyhow::Error) {
    let mut err = terminal::err();
    let _ = writeln!(err, "error: {}", continued(&error.to_string()));
    for cause in error.chain().skip(1) {
        let _ = writeln!(err, "  cause: {}", continued(&cause.to_string()));
    }
}

/// A text whose further lines cannot be taken for messages of their own.
fn continued(text: &str) -> String {
    text.trim_end().replace('\n', "\n      ")
}

/// Prints that this program has a bug.
pub fn bug(panic: &std::panic::PanicHookInfo<'_>) {
    let text = format!("error: a bug in buoy, please report it: {panic}");
    let _ = writeln!(terminal::err(), "{}", continued(&text));
}

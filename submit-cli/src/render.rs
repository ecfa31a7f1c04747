//! The only place that prints.

use std::io::Write;

use crate::diagnostic::Diagnostic;
use crate::exit::Exit;

/// Prints mistakes in a submitter's files, all of them, and how many there are.
pub fn diagnostics(list: &[Diagnostic]) -> Exit {
    let mut err = std::io::stderr().lock();
    // Nobody reads a failure to write to stderr.
    for diagnostic in list {
        let _ = writeln!(err, "error: {diagnostic}");
    }
    let _ = match list.len() {
        1 => writeln!(err, "1 mistake; nothing was done"),
        n => writeln!(err, "{n} mistakes; nothing was done"),
    };
    Exit::BadInput
}

/// Prints an error and its causes.
pub fn error(error: &anyhow::Error) -> Exit {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {error}");
    for cause in error.chain().skip(1) {
        let _ = writeln!(err, "  cause: {cause}");
    }
    Exit::HostCannot
}

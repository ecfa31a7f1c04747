//! What `--verbose` shows of a program that was run: no arguments, which can hold names of others' files and databases.

use std::io;
use std::process::ExitStatus;
use std::time::Instant;

use tracing::info;

/// Reports a command that has ended, or could not be started.
pub(crate) fn report(
    program: &str,
    verb: Option<&str>,
    started: Instant,
    ended: Result<ExitStatus, &io::Error>,
) {
    info!(
        program,
        verb,
        exit = ended.ok().map(display),
        error = ended.err().map(display),
        seconds = started.elapsed().as_secs_f64(),
        "command"
    );
}

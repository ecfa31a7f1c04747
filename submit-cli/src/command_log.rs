//! What `--verbose` shows of a program that was run: no arguments, which can hold names of others' files and databases.

use std::fmt::Display;
use std::time::Instant;

use tracing::info;

/// Reports a command that has ended, or could not be started.
pub(crate) fn report(
    program: &str,
    verb: Option<&str>,
    started: Instant,
    ended: Result<impl Display, impl Display>,
) {
    info!(
        program,
        verb,
        exit = ended.as_ref().ok().map(display),
        error = ended.as_ref().err().map(display),
        seconds = started.elapsed().as_secs_f64(),
        "command"
    );
}

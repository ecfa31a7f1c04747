//! Where submitters try rules and no server runs: what only a server needs is refused.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;

use super::Limits;

/// An open file gets no other name.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub(crate) fn link_read_only(_source: &File, _name: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// No program can be confined.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub(crate) fn run_confined(
    _command: &mut Command,
    _limits: &Limits,
    _call: &Path,
) -> io::Result<Result<i32, String>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only a server has programs that outlive the one that has started them.
pub(crate) fn detach(_command: &mut Command) {}

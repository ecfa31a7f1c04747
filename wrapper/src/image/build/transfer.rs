//! Tar streams out of a container, read while they come.

use std::io::{self, Read};

use crate::engine::{CliEngine, Transport};

use super::error::BuildError;

/// Reads what is at a path of a container, as a tar stream. `read` may stop early: the command is ended then.
///
/// # Errors
/// The engine's failure before that of `read`, which it may have caused.
pub(super) fn read_from<T: Transport, R>(
    engine: &CliEngine<T>,
    container: &str,
    path: &str,
    read: impl FnOnce(&mut dyn Read) -> io::Result<R>,
) -> Result<R, BuildError> {
    engine
        .read_out(container, path, read)?
        .map_err(|source| BuildError::Io { doing: format!("read {path} of a step's container"), source })
}

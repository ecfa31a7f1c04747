//! Tar streams out of a container, read while they come.

use std::fs;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use crate::engine::{CliEngine, EngineError, Producer, Transport};
use boinc::archive::tar::TarError;

use super::Builder;
use super::error::BuildError;

/// What a stage or an archive holds cannot be copied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotCopied(pub(super) String);

impl NotCopied {
    pub(super) fn error(why: impl Into<String>) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self(why.into()))
    }
}

/// Whether a stream was read well, and is refused for what is in it.
fn is_of_content(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(|inner| {
        inner.is::<NotCopied>() || matches!(inner.downcast_ref(), Some(TarError::Invalid(_)))
    })
}

/// Reads what is at a path of a container, as a tar stream. `read` may stop early: the command is ended then.
///
/// # Errors
/// The engine's failure before that of `read`, which it may have caused.
fn read_from<T: Transport, R>(
    engine: &CliEngine<T>,
    container: &str,
    path: &str,
    read: impl FnOnce(&mut dyn Read) -> io::Result<R>,
) -> Result<io::Result<R>, EngineError> {
    engine.read_out(container, path, read)
}

fn read_error(path: &str, source: io::Error) -> BuildError {
    if is_of_content(&source) {
        return BuildError::Impossible { why: format!("{path}: {source}") };
    }
    BuildError::Io { doing: format!("read {path} of a step's container"), source }
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// Reads what is at a path of a container, as a tar stream; `None` if there is nothing. `read` may stop early.
    ///
    /// # Errors
    /// The engine's failure before that of `read`, which it may have caused.
    pub(super) fn read_path<R>(
        &self,
        container: &str,
        path: &str,
        mut read: impl FnMut(&mut dyn Read) -> io::Result<R>,
    ) -> Result<Option<R>, BuildError> {
        let found =
            self.attribute_read(container, || match read_from(&self.breaking, container, path, &mut read) {
                Err(EngineError::NoPath(_)) => Ok(None),
                result => result.map(Some),
            })?;
        found.transpose().map_err(|source| read_error(path, source))
    }

    /// Writes a tar stream into a container that does not run. `write` is asked again for each attempt. `owner`: the largest
    /// numbers of users and groups in it.
    ///
    /// # Errors
    /// The failure of `write` before that of the engine, which it causes.
    pub(super) fn write_stream(
        &self,
        container: &str,
        owner: (u64, u64),
        write: impl Fn(&mut dyn Write) -> Result<(), BuildError> + Sync,
    ) -> Result<(), BuildError> {
        let failure = Mutex::new(None);
        let result = self.attribute_write(owner, || {
            self.copy_in(
                container,
                Box::new(|out| {
                    write(out).map_err(|error| {
                        let text = error.to_string();
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        io::Error::other(text)
                    })
                }),
            )
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (result, failure) {
            (Err(BuildError::Engine(EngineError::Input { .. })), Some(failure)) => Err(failure),
            (result, _) => result,
        }
    }

    /// Writes a tar stream into a container, and removes what the engine has left of it on this host.
    pub(super) fn copy_in(&self, container: &str, tar: Producer<'_>) -> Result<(), EngineError> {
        let scratch = self.journal.scratch();
        let copied = self.breaking.copy_in(container, &scratch, tar);
        for entry in fs::read_dir(&scratch).into_iter().flatten().flatten() {
            // What stays goes with the journal's other files.
            let _ = fs::remove_file(entry.path());
        }
        copied
    }

    /// Reads what is at a path of a container while the other end of a copy is being written.
    pub(super) fn read_along<R>(
        &self,
        container: &str,
        path: &str,
        read: impl FnOnce(&mut dyn Read) -> io::Result<R>,
    ) -> Result<R, BuildError> {
        read_from(&self.breaking, container, path, read)?.map_err(|source| read_error(path, source))
    }
}

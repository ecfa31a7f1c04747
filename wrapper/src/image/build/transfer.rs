//! Tar streams out of a container, read while they come.

use std::io::{self, Read, Write, pipe};
use std::ops::ControlFlow;
use std::thread;

use crate::engine::{CliEngine, Transport};

use super::Builder;
use super::error::BuildError;

impl<T: Transport + Clone> Builder<'_, T> {
    /// Reads what is at a path of a container, as a tar stream.
    pub(super) fn read_from<R: Send>(
        &self,
        engine: &CliEngine<T>,
        container: &str,
        path: &str,
        read: impl FnOnce(&mut dyn Read) -> io::Result<R>,
    ) -> Result<R, BuildError> {
        read_from(engine, container, path, read)
    }
}

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
    let failed = |source| BuildError::Io { doing: format!("read {path} of a step's container"), source };
    let (mut reader, mut writer) = pipe().map_err(failed)?;
    thread::scope(|scope| {
        let copying = scope.spawn(move || {
            // The reader that has enough closes its end.
            let result = engine.copy_out(container, path, &mut |piece| match writer.write_all(piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
            drop(writer);
            result
        });
        let result = read(&mut reader);
        drop(reader);
        let copied = copying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        copied?;
        result.map_err(failed)
    })
}

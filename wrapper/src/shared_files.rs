//! Whether an engine sees the files of this computer: one in a virtual machine or a confined package may have another directory of
//! the same name, or an empty one. A job would run there without its inputs, and its outputs would not be found.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::engine::{CliEngine, EngineError, Transport};

/// It cannot be found out.
#[derive(Debug, thiserror::Error)]
pub enum SharedFilesError {
    /// The file to look for cannot be written.
    #[error("failed to write a test file to the work directory")]
    Write(#[source] io::Error),
    /// The engine does not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// More than the tar stream of a file with a few bytes has.
const MOST_BYTES: u64 = 64 << 10;

/// Whether `container`, which need not run, has at `workdir` the files of `work`: a file is read through it, and removed again.
/// `mark` is in its name and its content, and was never used before.
///
/// # Errors
/// When it cannot be found out.
pub fn sees_files<T: Transport>(
    engine: &CliEngine<T>,
    container: &str,
    work: &Path,
    workdir: &str,
    mark: &str,
) -> Result<bool, SharedFilesError> {
    let name = format!(".{mark}");
    // The stream has the name too, so that the content has to be more.
    let content = format!("{mark} is seen");
    let file = work.join(&name);
    fs::write(&file, &content).map_err(SharedFilesError::Write)?;
    let read = engine.read_out(container, &format!("{workdir}/{name}"), |tar| {
        let mut bytes = Vec::new();
        let _ = tar.take(MOST_BYTES).read_to_end(&mut bytes);
        bytes.windows(content.len()).any(|part| part == content.as_bytes())
    });
    fs::remove_file(&file).map_err(SharedFilesError::Write)?;
    match read {
        Err(EngineError::NoPath(_)) => Ok(false),
        read => Ok(read?),
    }
}

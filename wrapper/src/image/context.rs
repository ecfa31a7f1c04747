//! The build context: a directory with exactly the files that go into the image.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The context can't be laid out.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A name that would lead out of it.
    #[error("{name:?} is no name of a file in the build context: give names relative to it, without ..")]
    Name {
        /// The name.
        name: String,
    },
    /// A file can't be put there.
    #[error("can't put {name} into the build context {}", context.display())]
    Put {
        /// The file.
        name: String,
        /// The context.
        context: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Lays the files out under `context`, which is emptied first: hard links where possible, for they cost nothing,
/// copies elsewhere.
pub(super) fn lay_out(context: &Path, files: &[(String, PathBuf)]) -> Result<(), ContextError> {
    let failed =
        |name: &str, source| ContextError::Put { name: name.into(), context: context.into(), source };
    match fs::remove_dir_all(context) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(".", error)),
        _ => {}
    }
    fs::create_dir_all(context).map_err(|error| failed(".", error))?;
    for (name, source) in files {
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ContextError::Name { name: name.clone() });
        }
        let place = context.join(name);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(name, error))?;
        }
        fs::hard_link(source, &place)
            .or_else(|_| fs::copy(source, &place).map(drop))
            .map_err(|error| failed(name, error))?;
    }
    Ok(())
}

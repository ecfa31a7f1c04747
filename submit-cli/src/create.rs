//! Where a science app comes from: a starter, or a BUDA batch.

pub mod buda;
pub mod starter;

use std::io;
use std::path::PathBuf;

use crate::package::template::TemplateError;

/// Why a new app was not written.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is something already.
    #[error("{} exists already; choose another name", dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// app.toml cannot be rendered: a defect of ours.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

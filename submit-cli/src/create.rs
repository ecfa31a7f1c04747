//! New science apps: from a starter, or from a BUDA app and batch.

pub mod buda;
pub mod starter;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use crate::package::template::TemplateError;

/// Why a new app was not written.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("failed to create {}: it already exists", dir.display())]
    Exists { dir: PathBuf },
    #[error("invalid {what} {}: {fault}", path.display())]
    Invalid { what: &'static str, path: PathBuf, fault: String },
    #[error("invalid {what} {}", path.display())]
    Unreadable { what: &'static str, path: PathBuf, source: Box<dyn Error + Send + Sync> },
    #[error("failed to read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// An embedded template cannot be rendered: a bug.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl CreateError {
    fn invalid(what: &'static str, path: &Path, fault: impl Into<String>) -> Self {
        Self::Invalid { what, path: path.to_owned(), fault: fault.into() }
    }

    fn unreadable<E: Error + Send + Sync + 'static>(what: &'static str, path: &Path) -> impl Fn(E) -> Self {
        move |source| Self::Unreadable { what, path: path.to_owned(), source: source.into() }
    }

    fn read(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    fn write(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

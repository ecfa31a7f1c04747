//! The image of a science app: named by what goes into it, made once per host, run by its id.

mod build;
mod cleanup;
mod failed;
mod index;
mod key;
mod lock;
mod make;
mod tarball;
mod workdir_files;

pub(crate) use build::{Blame, BuildError, BuildSource};
pub(crate) use build::{container_prefix, has_journals};
pub(crate) use cleanup::Budget;
pub(crate) use index::ImageIndex;
pub use key::ImageKey;
pub(crate) use key::KeyError;
pub(crate) use lock::{HostLock, LockError};
pub(crate) use make::{ImageMaker, ImageSource, MakeError};
pub(crate) use tarball::TarballError;
pub use tarball::{Load, load};
pub(crate) use workdir_files::WorkdirFilesError;

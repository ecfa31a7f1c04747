//! The image of a science app: named by what goes into it, made once per host.

mod cleanup;
mod context;
mod copied;
mod failed;
mod fetches;
mod key;
mod lock;
mod make;
mod tarball;

pub use cleanup::{Budget, remember_use, sweep};
pub use context::ContextError;
pub use copied::copied_sources;
pub use fetches::fetched;
pub use key::{ImageKey, KeyError};
pub use lock::{HostLock, LockError};
pub use make::{ImageMaker, ImageSource, MakeError};
pub use tarball::TarballError;

//! The image of a science app: named by what goes into it, made once per host, run by its id.

mod architecture;
mod build;
mod cleanup;
mod failed;
mod index;
mod key;
mod lock;
mod make;
mod tarball;

pub(crate) use build::container_prefix;
pub use build::{BuildError, BuildSource};
pub use cleanup::Budget;
pub use index::{Entry, ImageIndex, IndexError};
pub use key::{ImageKey, KeyError};
pub use lock::{HostLock, LockError};
pub use make::{ImageMaker, ImageSource, MakeError};
pub use tarball::{Load, TarballError, load};

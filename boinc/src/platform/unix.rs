//! Linux and macOS.

mod directory;
mod files;
mod memory;
mod streams;

pub use directory::Directory;
pub(super) use directory::entry;
pub use files::*;
pub use memory::{SharedMemory, remove_system_v};
pub use streams::take_standard_streams;

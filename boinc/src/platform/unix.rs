//! Linux and macOS.

mod directory;
mod files;
mod memory;

pub use directory::Directory;
#[cfg(target_os = "linux")]
pub(super) use directory::entry;
pub use files::*;
pub use memory::{SharedMemory, remove_system_v};

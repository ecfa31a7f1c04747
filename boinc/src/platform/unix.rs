//! Linux and macOS.

mod directory;
mod files;
mod memory;
mod streams;

pub use directory::Directory;
#[cfg(target_os = "linux")]
pub(super) use directory::entry;
pub use files::*;
pub use memory::{SharedMemory, remove_system_v};
pub use streams::take_standard_streams;

/// This computer's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

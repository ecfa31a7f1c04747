//! Windows. A process there reads what a client or a submitter has written; work on files of jobs is done in WSL. So what
//! Windows does not have, owners and permission bits, is missing here too, and each function says so.

mod directory;
mod files;
mod handle;
mod memory;
mod system;
mod text;

pub use directory::Directory;
pub use files::*;
pub use memory::{SharedMemory, remove_system_v};
pub use system::system_directory;
pub use text::{path_bytes, path_from_bytes};

use std::fs::File;
use std::io;

/// This computer's name.
pub fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Standard streams of an agent, which runs in WSL.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn take_standard_streams() -> io::Result<(File, File)> {
    Err(io::ErrorKind::Unsupported.into())
}

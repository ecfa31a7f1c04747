//! Windows. A process there reads what a client has written and starts the agent in WSL, which does all work on files of
//! jobs; so what Windows does not have, owners and permission bits, is missing here too, and each function says so.

mod directory;
mod files;
mod handle;
mod memory;
mod text;

pub use directory::Directory;
pub use files::*;
pub use memory::{SharedMemory, remove_system_v};
pub use text::{path_bytes, path_from_bytes};

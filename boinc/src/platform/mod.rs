//! What differs between operating systems in the files that Buoy shares with BOINC and with jobs: types with small
//! functions, the same for each system, and no decisions. This and its like in the wrapper are the only places with `cfg` of
//! a system, system calls and `std::os`; another system is another file here.

mod entry;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use entry::{Entry, Identity, Kind, Space, User};
#[cfg(target_os = "linux")]
pub use linux::is_in_memory;
#[cfg(target_os = "macos")]
pub use macos::is_in_memory;
#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

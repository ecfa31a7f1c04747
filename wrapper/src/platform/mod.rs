//! What the wrapper asks the operating system for, beyond files (`boinc::platform`): types with small functions, the same for
//! each system, and no decisions. Another system is another file here.

#[cfg(any(target_os = "macos", windows))]
mod absent;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(any(target_os = "macos", windows))]
pub use absent::*;
pub use limits::{OwnLimits, SetLimits};
#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;
#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

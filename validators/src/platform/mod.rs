//! What the shims and rules ask the operating system for, beyond `boinc::platform`: small functions, the same for each system,
//! and no decisions. Another system is another file here.

#[cfg(not(target_os = "linux"))]
mod absent;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(not(target_os = "linux"))]
pub(crate) use absent::*;
pub use limits::Limits;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

//! What the shims and rules ask the operating system for, beyond `boinc::platform`: small functions, the same for each system,
//! and no decisions. Another system is another file here.

mod limits;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use limits::Limits;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

//! What differs between operating systems: small functions, the same for each system, and no decisions. Another system is
//! another file here.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use unix::*;

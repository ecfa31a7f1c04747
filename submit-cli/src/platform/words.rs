//! The words of a command line for another system.

use std::ffi::{OsStr, OsString};
use std::io;

/// Gives the words, by the other system's names of files.
pub type Words<'a> = &'a dyn Fn(&dyn Fn(&OsStr) -> io::Result<OsString>) -> io::Result<Vec<OsString>>;

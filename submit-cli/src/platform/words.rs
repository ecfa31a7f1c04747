//! The words of a command line for another system.

use std::ffi::{OsStr, OsString};
use std::io;

/// How the other system names a file.
pub type PathThere<'a> = &'a dyn Fn(&OsStr) -> io::Result<OsString>;

/// Gives the words, by the other system's names of files.
pub type Words<'a> = &'a dyn Fn(PathThere<'_>) -> io::Result<Vec<OsString>>;

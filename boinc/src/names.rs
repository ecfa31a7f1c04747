//! Names that travel through BOINC: what a workunit's name says of its science app, and where a project keeps a file.

pub mod fan_out;
pub mod output;
pub mod windows;
pub mod workunit;

//! Imports science apps and batches of BUDA, BOINC's own universal app.
//!
//! An app is a directory `APP/` with `desc.json`, and in it a directory for each variant with `variant.json`, the Dockerfile and the app's files;
//! a batch is a zip file, or the directory it was made of, with a directory for each job and `shared_input_files/`. Sources:
//! html/inc/buda.inc, html/user/buda.php, html/user/buda_submit.php.

mod batch;
mod description;
mod unzip;
mod write;

pub use unzip::Limits;
pub use write::{Imported, import};

/// In a batch: inputs that are the same for all jobs.
pub const SHARED: &str = "shared_input_files";
/// In a job's directory: more arguments.
pub const CMDLINE: &str = "cmdline";

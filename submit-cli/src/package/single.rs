//! Single-purpose apps: BOINC apps whose versions hold one science app whole. On a client the files of the app version win
//! over those of a job, so a submitter must have the same ones.
//!
//! Which ones an installed version has can be told from the names of its files in the project's download directory: one name holds
//! a hash of all of them.

use boinc::hex::hex;
use boinc::job::argv::DEFAULT_CONFIG;
use sha2::{Digest, Sha256};

/// Digits of the hash in the name.
const DIGITS: usize = 12;

/// What the wrapper's name starts with, in a single-purpose app and in a universal one.
const SINGLE: &str = "buoy-single_";
const UNIVERSAL: &str = "buoy-wrapper_";

/// A file that all jobs of a science app have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommonFile {
    /// Its name in the slot.
    pub open_name: String,
    /// Identifies its content and whether it is executable.
    pub physical_name: String,
    /// The slot gets a copy.
    pub copy_file: bool,
}

/// Hash of the files that all jobs of a science app have, in any order.
pub fn files_hash(mut files: Vec<CommonFile>) -> String {
    files.sort();
    let mut hash = Sha256::new();
    for CommonFile { open_name, physical_name, copy_file } in files {
        hash.update(format!("{open_name}\0{physical_name}\0{copy_file}\n"));
    }
    hex(&hash.finalize())
}

/// Physical name of job.toml in a single-purpose app version, such as `vina_1.00_0123456789ab_job.toml`; `hash` is that of all
/// its common files.
pub fn job_toml_name(app: &str, number: &str, hash: &str) -> String {
    format!("{app}_{number}_{}_{DEFAULT_CONFIG}", &hash[..DIGITS])
}

/// Physical name of the wrapper in an app version, without the suffix of Windows programs. That of a single-purpose app says so.
pub fn wrapper_name(app: &str, number: &str, platform: &str, is_single: bool) -> String {
    let kind = if is_single { SINGLE } else { UNIVERSAL };
    format!("{kind}{app}_{number}_{platform}")
}

/// Whether a file of an app version is the wrapper, by its physical name.
pub fn is_wrapper_name(name: &str) -> bool {
    [SINGLE, UNIVERSAL].iter().any(|kind| name.starts_with(kind))
}

//! A slot directory: names in it, links to the project's files, and the lock that keeps two programs out.
//!
//! The client sets a slot up in `client/app_start.cpp` (`setup_file`): a file is a copy, a symbolic link,
//! or a small text `<soft_link>../../projects/HOST/NAME</soft_link>`.

mod link;
mod lock;
mod resolve;

use crate::names::windows;

pub use link::{LinkKind, SoftLink, read_link, write_soft_link};
pub use lock::{LOCK_FILE, LockError, SlotLock};
pub use resolve::{InputPath, OutputPath, SlotPathError, resolve_input, resolve_output};

/// The app's standard error, whose last 63 KB reach the server (`lib/app_ipc.h`).
pub const STDERR_FILE: &str = "stderr.txt";

/// The app's standard output, where a client redirects it (`lib/app_ipc.h`).
pub const STDOUT_FILE: &str = "stdout.txt";

/// What a client of 8.x leaves once it has set the slot up; it copies nothing again then
/// (`client/app_start.cpp`).
pub const SETUP_COMPLETE_FILE: &str = "boinc_setup_complete";

/// Where a job may write its progress, a number from 0 to 1, as with upstream's wrapper.
pub const FRACTION_DONE_FILE: &str = "fraction_done";

/// Whole names that belong to the client or to BOINC's API, besides those that begin with `boinc_`:
/// `lib/app_ipc.h`, `lib/diagnostics.h`, `lib/common_defs.h`, `api/graphics2_util.cpp`.
const CLIENT_NAMES: [&str; 11] = [
    super::init_data::INIT_DATA_FILE,
    STDERR_FILE,
    STDOUT_FILE,
    "stderr.old",
    "stdout.old",
    "stderrgfx.txt",
    "stdoutgfx.txt",
    "graphics_app",
    "graphics_status.xml",
    "trickle_up.xml",
    "client_auth.xml",
];

/// Whether a name in a slot belongs to the client or to BOINC's API: never a job's input or output.
/// Letter case does not count, since it does not on Windows and macOS.
pub fn is_client_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("boinc_")
        || name.starts_with("trickle_down_")
        || CLIENT_NAMES.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

/// The wrapper's own directory in a slot.
pub const OWN_DIRECTORY: &str = "buoy";

/// Whether a name in a slot is the wrapper's own directory, or is below it: never a job's input or output. Letter case does
/// not count, since it does not on Windows and macOS.
pub fn is_own_name(name: &str) -> bool {
    name.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(OWN_DIRECTORY))
}

/// Checks an `open_name`: one or more parts separated by `/`, each of the characters that BOINC allows in
/// a physical name (`^[\w\-. ]+$`), never `..`, and nothing that Windows refuses. Returns it unchanged.
///
/// # Errors
/// What is wrong with the name.
pub fn check_open_name(name: &str) -> Result<&str, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '/');
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    // The length of the client's buffers.
    if name.len() > 255 {
        return Err("is longer than 255 bytes".to_owned());
    }
    if name.starts_with('/') {
        return Err("is an absolute path".to_owned());
    }
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "holds the character {c:?}; letters, digits, \"_\", \"-\", \".\", space and \"/\" are accepted"
        ));
    }
    if name.split('/').any(|part| matches!(part.trim(), "" | "." | "..")) {
        return Err("has a part \"..\", \".\" or an empty one".to_owned());
    }
    match windows::fault_of(name) {
        Some(fault) => Err(fault),
        None => Ok(name),
    }
}

/// Checks that a file name in a slot is the job's to use: it leads nowhere else, and is neither the client's nor ours.
///
/// # Errors
/// What is wrong with the name, to follow it.
pub fn check_job_name(name: &str) -> Result<(), String> {
    check_open_name(name)?;
    if is_client_file(name) {
        return Err("belongs to the BOINC client".to_owned());
    }
    if is_own_name(name) {
        return Err("belongs to the wrapper, as all names below \"buoy\" do".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_names_are_not_the_jobs() {
        let recorded = "boinc_lockfile boinc_mmap_file boinc_setup_complete init_data.xml stderr.txt";
        assert!(recorded.split(' ').all(is_client_file));
        for name in ["boinc_finish_called", "boinc_ufr_0", "trickle_down_1", "INIT_DATA.XML", "Boinc_x"] {
            assert!(is_client_file(name), "{name}");
        }
        for name in ["input.txt", "job.toml", "fraction_done", "Dockerfile", "my_boinc_x", "stderr"] {
            assert!(!is_client_file(name), "{name}");
        }
    }

    #[test]
    fn the_wrappers_own_directory_is_not_the_jobs() {
        for name in ["buoy", "BUOY", "Buoy/x", "buoy/state.json", "buoy/work/a"] {
            assert!(is_own_name(name), "{name}");
        }
        for name in ["buoy.txt", "a/buoy", "buoys", "boy"] {
            assert!(!is_own_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_leave_the_slot_or_break_a_server_are_refused() {
        for name in ["a", "ligand 1.pdbqt", "dir/sub/file.txt", "-x", ".hidden", "a..b"] {
            assert_eq!(check_open_name(name).unwrap(), name);
        }
        let table = [
            ("", "is empty"),
            ("/etc/passwd", "is an absolute path"),
            ("../x", "has a part"),
            ("a/../b", "has a part"),
            ("a//b", "has a part"),
            ("a/", "has a part"),
            ("./a", "has a part"),
            (" ", "has a part"),
            ("a\nb", "holds the character '\\n'"),
            ("a'b", "holds the character '\\''"),
            ("a\"b", "holds the character '\"'"),
            ("a<b", "holds the character '<'"),
            ("a\\b", "holds the character '\\\\'"),
            ("C:x", "holds the character ':'"),
            ("é", "holds the character 'é'"),
            ("dir/aux.txt", "has the part \"aux.txt\", which names a device on Windows"),
            ("result.", "has the part \"result.\", at whose end Windows drops"),
        ];
        for (name, fault) in table {
            assert!(check_open_name(name).unwrap_err().starts_with(fault), "{name:?}");
        }
        assert_eq!(check_open_name(&"x".repeat(256)).unwrap_err(), "is longer than 255 bytes");
    }
}

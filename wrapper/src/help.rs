//! What `buoy-wrapper` prints to somebody who starts it by hand.

use std::ffi::OsString;
use std::path::Path;

use boinc::wire::init_data::INIT_DATA_FILE;

const HELP: &str = "\
Runs a job of a BOINC project in a container. BOINC's client starts this program in a slot directory.

Usage:
  buoy-wrapper --clean DATA_DIR [--dry-run]  remove everything that wrappers have left on this computer
  buoy-wrapper --version                     print the version
  buoy-wrapper --help                        print this text

DATA_DIR is the data directory of the BOINC client, such as /var/lib/boinc.
";

/// The text for `--version` and `--help`; `None` if the arguments ask for something else. In a slot there is nothing to print: what
/// a workunit has in its command line is the job's.
pub fn answer(words: &[OsString], current_directory: &Path) -> Option<String> {
    if current_directory.join(INIT_DATA_FILE).symlink_metadata().is_ok() {
        return None;
    }
    let [word] = words else { return None };
    match word.to_str()? {
        "--version" | "-V" => Some(format!("buoy-wrapper {}\n", env!("CARGO_PKG_VERSION"))),
        "--help" | "-h" => Some(HELP.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_job_are_not_answered() {
        let dir = tempfile::tempdir().unwrap();
        let answer = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            answer(&words, dir.path())
        };
        assert_eq!(answer(&["--version"]), Some(format!("buoy-wrapper {}\n", env!("CARGO_PKG_VERSION"))));
        assert!(answer(&["--help"]).unwrap().contains("Usage:"));
        assert_eq!(answer(&["--help", "x"]), None);
        assert_eq!(answer(&[]), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join(INIT_DATA_FILE), "").unwrap();
        assert_eq!(answer(&["--version"]), None);
    }
}

//! The small files by which a running job and the wrapper talk, in the work directory.
//!
//! The job can put anything under these names: a link, a pipe, a gigabyte. They are opened without following links and without
//! waiting, only a few bytes are read, and ours is a new file each time.

use std::io::Read;
use std::path::PathBuf;

use boinc::nofollow::Directory;

/// The job's share of work done, 0 to 1 (upstream's docker_wrapper knows the same file).
const FRACTION_DONE: &str = "fraction_done";
/// Sporadic apps (BOINC: api/boinc_api.cpp, `sporadic_files`): the client's state, written by us.
const CLIENT_TO_APP: &str = "ca";
/// The app's state, written by the job.
const APP_TO_CLIENT: &str = "ac";

/// The files of one work directory.
#[derive(Clone, Debug)]
pub struct JobFiles {
    work: PathBuf,
}

impl JobFiles {
    /// The files in this work directory.
    pub fn new(work: PathBuf) -> Self {
        Self { work }
    }

    /// What the job says it has done, 0 to 1.
    pub fn fraction_done(&self) -> Option<f64> {
        let fraction: f64 = self.read_word(FRACTION_DONE)?.parse().ok()?;
        (0.0..=1.0).contains(&fraction).then_some(fraction)
    }

    /// The job's state as a sporadic app.
    pub fn sporadic_ac(&self) -> Option<i32> {
        self.read_word(APP_TO_CLIENT)?.parse().ok()
    }

    /// Tells the job the client's state of a sporadic app.
    pub fn write_sporadic_ca(&self, state: i32) {
        let text = format!("{state}\n");
        // A job that put a directory there, or closed its own, does not hear from the client.
        let _ = Directory::open(&self.work)
            .and_then(|work| work.write_file(CLIENT_TO_APP, text.as_bytes(), 0o644));
    }

    fn read_word(&self, name: &str) -> Option<String> {
        let file = Directory::open(&self.work).ok()?.open_file(name).ok()?;
        let mut text = String::new();
        file.take(64).read_to_string(&mut text).ok()?;
        text.split_ascii_whitespace().next().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_fraction_is_read_and_nonsense_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let files = JobFiles::new(directory.path().to_owned());
        assert_eq!(files.fraction_done(), None);
        for (text, expected) in
            [("0.25\n", Some(0.25)), ("1", Some(1.0)), ("2", None), ("-1", None), ("x", None)]
        {
            fs::write(directory.path().join("fraction_done"), text).unwrap();
            assert_eq!(files.fraction_done(), expected, "{text:?}");
        }
    }

    #[test]
    fn links_and_pipes_under_these_names_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        fs::write(&secret, "0.5").unwrap();
        let files = JobFiles::new(directory.path().to_owned());
        std::os::unix::fs::symlink(&secret, directory.path().join("fraction_done")).unwrap();
        assert_eq!(files.fraction_done(), None);
        std::os::unix::fs::symlink(&secret, directory.path().join("ca")).unwrap();
        files.write_sporadic_ca(1);
        assert_eq!(fs::read_to_string(&secret).unwrap(), "0.5");
        fs::remove_file(directory.path().join("ca")).unwrap();
        fs::hard_link(&secret, directory.path().join("ca")).unwrap();
        files.write_sporadic_ca(2);
        assert_eq!(fs::read_to_string(&secret).unwrap(), "0.5");
        assert_eq!(fs::read_to_string(directory.path().join("ca")).unwrap(), "2\n");
        let pipe = directory.path().join("ac");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(files.sporadic_ac(), None);
    }
}

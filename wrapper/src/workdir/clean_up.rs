//! Makes what a job has left removable: a client cannot enter a directory without permissions, and knows no path over 4,096
//! bytes, so that its slot would stay in use for ever.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use super::layout::Layout;
use super::own::open_work;
use boinc::nofollow::{Directory, Entry, Flow, Visitor, remove_tree_in, walk};

/// Longer paths, counted from the work directory, are removed here.
const MAX_PATH_BYTES: usize = 2_048;

/// Gives the client's user all permissions on the directories in the work directory, and removes what lies too deep for the
/// client. Ends after `patience`, since the client waits.
pub fn clean_up(layout: &Layout, patience: Duration) {
    // What cannot be opened now is left to the client.
    let Ok(Some(work)) = open_work(layout) else { return };
    let _ = walk(&work, &mut CleanUp { length: 0, deadline: Instant::now() + patience });
}

struct CleanUp {
    /// Bytes of the path to the directory that is being looked through.
    length: usize,
    deadline: Instant,
}

impl Visitor for CleanUp {
    fn entry(&mut self, directory: &Directory, name: &OsStr, _: &Entry) -> Flow {
        if Instant::now() > self.deadline {
            return Flow::Stop;
        }
        if self.length + name.len() < MAX_PATH_BYTES {
            return Flow::Enter;
        }
        let _ = remove_tree_in(directory, name);
        Flow::Skip
    }

    fn enter(&mut self, name: &OsStr) {
        self.length += name.len() + 1;
    }

    fn leave(&mut self, _: &Directory, name: &OsStr) {
        self.length -= name.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_plain_removal_works_afterwards() {
        let slot = tempfile::tempdir().unwrap();
        let work = slot.path().join("buoy/work");
        fs::create_dir_all(work.join("closed/inner")).unwrap();
        fs::write(work.join("result"), "x").unwrap();
        let mut directory = Directory::open(&work).unwrap();
        let name = "d".repeat(200);
        for _ in 0..40 {
            directory.make_directory(&name, 0o755).unwrap();
            directory = directory.open_directory(&name).unwrap();
        }
        drop(directory);
        fs::set_permissions(work.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        clean_up(&Layout::new(slot.path()), Duration::from_secs(60));
        let mut path = work.clone();
        while path.join(&name).exists() {
            path.push(&name);
        }
        let length = path.as_os_str().len();
        assert!(length < 2_300 && length > 1_800, "{length}");
        assert!(work.join("result").exists());
        if !rustix::process::geteuid().is_root() {
            assert_eq!(fs::metadata(work.join("closed")).unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::remove_dir_all(&work).unwrap();
    }
}

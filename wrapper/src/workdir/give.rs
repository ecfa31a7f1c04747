//! The work directory as the property of the user whom root of a container is on this host.

use std::ffi::OsStr;
use std::io;

use super::layout::Layout;
use super::own::open_work;
use boinc::nofollow::{Directory, Entry, Flow, Visitor, walk};
use boinc::platform::{User, user};

/// Gives the work directory with all that is in it to `owner`, which only root may do. A link is given away itself, not
/// what it leads to. Outputs come back when they are collected, the rest goes with the task.
///
/// # Errors
/// When the kernel refuses, or not all of it can be read.
pub fn give_work(layout: &Layout, owner: User) -> io::Result<()> {
    let Some(work) = open_work(layout)? else { return Ok(()) };
    match work.set_owner(owner) {
        // A drive of Windows without metadata has neither owners nor modes: everybody may do everything there.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && work.entry()?.mode & 0o7 == 0o7 => {
            return Ok(());
        }
        result => result?,
    }
    let mut give = Give { owner, failed: None };
    let walked = walk(&work, &mut give)?;
    match give.failed {
        Some(error) => Err(error),
        None if !walked.is_complete() => Err(io::Error::other("not all directories in it can be read")),
        None => Ok(()),
    }
}

/// Whether something in the work directory belongs to another user than this process's, who is not root.
pub fn has_files_of_others(layout: &Layout) -> bool {
    let mut search = Search { own: user(), found: false };
    // What cannot be opened shows no owner, and is reported by whoever needs it.
    if let Ok(Some(work)) = open_work(layout)
        && !search.own.is_root()
    {
        let _ = walk(&work, &mut search);
    }
    search.found
}

struct Search {
    own: User,
    found: bool,
}

impl Visitor for Search {
    fn entry(&mut self, _: &Directory, _: &OsStr, entry: &Entry) -> Flow {
        self.found = entry.uid != self.own.uid;
        if self.found { Flow::Stop } else { Flow::Enter }
    }
}

struct Give {
    owner: User,
    failed: Option<io::Error>,
}

impl Visitor for Give {
    fn entry(&mut self, directory: &Directory, name: &OsStr, entry: &Entry) -> Flow {
        if entry.uid == self.owner.uid && entry.gid == self.owner.gid {
            return Flow::Enter;
        }
        match directory.change_owner(name, self.owner) {
            Ok(()) => Flow::Enter,
            Err(error) => {
                self.failed = Some(error);
                Flow::Stop
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn all_of_it_is_given_away_and_nothing_through_a_link() {
        if !rustix::process::geteuid().is_root() {
            println!("only root gives files away: left out");
            return;
        }
        let slot = tempfile::tempdir().unwrap();
        let work = slot.path().join("buoy/work");
        fs::create_dir_all(work.join("d")).unwrap();
        fs::write(work.join("d/file"), "").unwrap();
        fs::write(slot.path().join("precious"), "").unwrap();
        symlink(slot.path().join("precious"), work.join("link")).unwrap();
        give_work(&Layout::new(slot.path()), User { uid: 100_000, gid: 100_001 }).unwrap();
        let owner = |path: &str| {
            let data = fs::symlink_metadata(slot.path().join(path)).unwrap();
            (data.uid(), data.gid())
        };
        for path in ["buoy/work", "buoy/work/d", "buoy/work/d/file", "buoy/work/link"] {
            assert_eq!(owner(path), (100_000, 100_001), "{path}");
        }
        assert_eq!(owner("precious"), (0, 0));
        assert_eq!(owner("buoy"), (0, 0));
    }
}

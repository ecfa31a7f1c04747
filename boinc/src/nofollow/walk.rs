//! Walks a tree of any depth with a few descriptors.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::{Directory, Entry, Identity, user};

/// Descriptors that are kept open at a time; further up, a directory is opened again as the parent of the one below.
const MAX_OPEN: usize = 32;

/// How to go on after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Enter it if it is a directory.
    Enter,
    /// Do not enter it.
    Skip,
    /// End the walk.
    Stop,
}

/// What is done on the way.
pub trait Visitor {
    /// An entry of `directory`, before what is below it.
    fn entry(&mut self, directory: &Directory, name: &OsStr, entry: &Entry) -> Flow;

    /// A directory is entered: the entries that follow are its own, until it is left or another is entered.
    fn enter(&mut self, _name: &OsStr) {}

    /// A directory that was entered, after everything below it. `parent` holds it under `name`.
    fn leave(&mut self, _parent: &Directory, _name: &OsStr) {}
}

/// Keeps the path from the root on the way.
struct Paths<F> {
    /// The directory that is being looked through.
    directory: PathBuf,
    entry: F,
}

impl<F: FnMut(&Path, &Entry) -> Flow> Visitor for Paths<F> {
    fn entry(&mut self, _: &Directory, name: &OsStr, entry: &Entry) -> Flow {
        (self.entry)(&self.directory.join(name), entry)
    }

    fn enter(&mut self, name: &OsStr) {
        self.directory.push(name);
    }

    fn leave(&mut self, _: &Directory, _: &OsStr) {
        self.directory.pop();
    }
}

/// How a walk went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// The visitor ended it.
    pub stopped: bool,
    /// Directories that were listed but gone or replaced when they were to be entered, or that were moved meanwhile.
    pub moved: u64,
    /// Directories of this user that cannot be read, although their permissions have been changed.
    pub hidden: u64,
}

impl Walked {
    /// Whether everything was seen that was there.
    pub fn is_complete(&self) -> bool {
        !self.stopped && self.moved == 0 && self.hidden == 0
    }
}

struct Level {
    /// `None` while it is not among those kept open.
    directory: Option<Directory>,
    identity: Option<Identity>,
    name: OsString,
    /// Directories in it that have not been entered yet.
    below: Vec<OsString>,
}

/// Walks as [`walk`] does; `entry` gets each path from `root`.
///
/// # Errors
/// When `root` cannot be opened a second time.
pub fn walk_paths(root: &Directory, entry: impl FnMut(&Path, &Entry) -> Flow) -> io::Result<Walked> {
    walk(root, &mut Paths { directory: PathBuf::new(), entry })
}

/// Walks everything below `root`, without `root` itself. Directories without permissions are made accessible to their owner
/// first. Nothing is followed; what the tree's owner moves during the walk is noted in the result.
///
/// # Errors
/// When `root` cannot be opened a second time.
pub fn walk(root: &Directory, visitor: &mut dyn Visitor) -> io::Result<Walked> {
    let mut walked = Walked::default();
    root.make_accessible()?;
    let mut levels = vec![level(root.try_clone()?, OsString::new(), visitor, &mut walked)];
    while let Some(top) = levels.last_mut() {
        if walked.stopped {
            break;
        }
        if let Some(name) = top.below.pop() {
            let Some(directory) = &top.directory else { break };
            match directory.open_accessible(&name) {
                Ok(below) => {
                    visitor.enter(&name);
                    levels.push(level(below, name, visitor, &mut walked));
                }
                Err(error) => note(directory, &name, &error, &mut walked),
            }
            let open = levels.len();
            // The first stays open: it cannot be found again.
            if open > MAX_OPEN + 1 {
                levels[open - MAX_OPEN].directory = None;
            }
            continue;
        }
        let Some(done) = levels.pop() else { break };
        let Some(parent) = levels.last_mut() else { break };
        if parent.directory.is_none() {
            let above = done.directory.as_ref().and_then(|directory| directory.open_parent().ok());
            parent.directory = above
                .filter(|above| above.entry().is_ok_and(|entry| Some(entry.identity) == parent.identity));
        }
        let Some(directory) = &parent.directory else {
            walked.moved += 1;
            break;
        };
        visitor.leave(directory, &done.name);
    }
    Ok(walked)
}

fn level(directory: Directory, name: OsString, visitor: &mut dyn Visitor, walked: &mut Walked) -> Level {
    let mut level = Level { directory: None, identity: None, name, below: Vec::new() };
    if read(&directory, &mut level, visitor, walked).is_err() {
        walked.hidden += 1;
    }
    level.directory = Some(directory);
    level
}

fn read(
    directory: &Directory,
    level: &mut Level,
    visitor: &mut dyn Visitor,
    walked: &mut Walked,
) -> io::Result<()> {
    level.identity = Some(directory.entry()?.identity);
    for name in directory.names()? {
        let name = name?;
        // Files come and go; what is gone by now needs no look.
        let Some(entry) = directory.entry_of(&name)? else { continue };
        match visitor.entry(directory, &name, &entry) {
            Flow::Enter if entry.is_directory() => level.below.push(name),
            Flow::Enter | Flow::Skip => {}
            Flow::Stop => {
                walked.stopped = true;
                break;
            }
        }
    }
    Ok(())
}

fn note(directory: &Directory, name: &OsStr, error: &io::Error, walked: &mut Walked) {
    if error.kind() != io::ErrorKind::PermissionDenied {
        walked.moved += 1;
        return;
    }
    // What belongs to another user and is closed to this one is closed to the job too, which runs as this user.
    if directory.entry_of(name).is_ok_and(|entry| entry.is_some_and(|entry| entry.uid == user().uid)) {
        walked.hidden += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::nofollow::remove_tree;

    #[derive(Default)]
    struct Count {
        entries: u64,
        left: u64,
    }

    impl Visitor for Count {
        fn entry(&mut self, _: &Directory, _: &OsStr, _: &Entry) -> Flow {
            self.entries += 1;
            Flow::Enter
        }

        fn leave(&mut self, parent: &Directory, name: &OsStr) {
            assert!(parent.entry_of(name).unwrap().unwrap().is_directory());
            self.left += 1;
        }
    }

    /// A directory in a directory, and so on, with a file in each.
    pub(in crate::nofollow) fn deep(root: &std::path::Path, levels: usize) {
        let mut directory = Directory::open(root).unwrap();
        for _ in 0..levels {
            directory.create_file("file", 0o644).unwrap();
            directory.make_directory("a directory", 0o755).unwrap();
            directory = directory.open_directory("a directory").unwrap();
        }
    }

    #[test]
    fn many_levels_are_walked_with_few_descriptors() {
        // Wine looks at each level of a path for each name.
        let levels = if cfg!(windows) { 40 } else { 3_000 };
        let root = tempfile::tempdir().unwrap();
        deep(root.path(), levels);
        let mut count = Count::default();
        let walked = walk(&Directory::open(root.path()).unwrap(), &mut count).unwrap();
        assert_eq!(
            (walked, count.entries, count.left),
            (Walked::default(), 2 * levels as u64, levels as u64)
        );
        let path = root.path().to_owned();
        let _ = root.keep();
        remove_tree(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn many_directories_side_by_side_at_every_level() {
        let root = tempfile::tempdir().unwrap();
        let mut path = root.path().to_owned();
        for _ in 0..50 {
            for name in ["x", "y", "z"] {
                fs::create_dir(path.join(name)).unwrap();
                fs::write(path.join(name).join("file"), "").unwrap();
            }
            path.push("y");
        }
        let mut count = Count::default();
        let walked = walk(&Directory::open(root.path()).unwrap(), &mut count).unwrap();
        assert_eq!((walked, count.entries, count.left), (Walked::default(), 300, 150));
    }

    /// Windows moves no directory that is open.
    #[cfg(unix)]
    #[test]
    fn a_directory_that_moves_away_is_noted() {
        struct Mover(std::path::PathBuf);
        impl Visitor for Mover {
            fn entry(&mut self, _: &Directory, name: &OsStr, _: &Entry) -> Flow {
                if name == "moving" {
                    fs::rename(self.0.join("moving"), self.0.join("moved")).unwrap();
                }
                Flow::Enter
            }
        }
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("moving")).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let walked = walk(&directory, &mut Mover(root.path().to_owned())).unwrap();
        assert!(walked.moved > 0 && !walked.is_complete(), "{walked:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_walk_that_is_moved_elsewhere_ends_and_says_so() {
        struct Mover(std::path::PathBuf, usize);
        impl Visitor for Mover {
            fn entry(&mut self, _: &Directory, _: &OsStr, _: &Entry) -> Flow {
                self.1 += 1;
                if self.1 == 120 {
                    let path = (0..20).fold(self.0.clone(), |path, _| path.join("a directory"));
                    fs::rename(path, self.0.join("elsewhere")).unwrap();
                }
                Flow::Enter
            }
        }
        let root = tempfile::tempdir().unwrap();
        deep(root.path(), 100);
        let walked = walk(&Directory::open(root.path()).unwrap(), &mut Mover(root.path().to_owned(), 0));
        assert_eq!(walked.unwrap().moved, 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_seen_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", root.path().join("root")).unwrap();
        let mut count = Count::default();
        walk(&Directory::open(root.path()).unwrap(), &mut count).unwrap();
        assert_eq!((count.entries, count.left), (1, 0));
    }
}

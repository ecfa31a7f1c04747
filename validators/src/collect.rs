//! Putting a file in its place: whole or not at all, durably, and the same if done twice.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use boinc::file_error::{FileError, if_found};
use boinc::platform::{entry_at, entry_of_file};

use crate::compare::{self, Outcome};
use crate::outputs;
use crate::platform::{link_read_only, read_at};

/// What putting a file in its place has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collected {
    /// It was not there.
    New,
    /// The same contents were there.
    Already,
    /// Other contents were there.
    Replaced,
}

/// Puts the contents of `source` at `target`, as another name of the same file where that is possible and safe.
///
/// Directories that [`sync`] has to make durable are added to `changed`.
pub(crate) fn take(source: &File, target: &Path, changed: &mut BTreeSet<PathBuf>) -> io::Result<Collected> {
    let before = state(source, target)?;
    if before == Collected::Already {
        // The call that did it may have ended before it came to the directory.
        changed.extend(target.parent().map(Path::to_owned));
        return Ok(before);
    }
    source.sync_all()?;
    if before == Collected::New {
        let directory = target.parent().ok_or(ErrorKind::InvalidFilename)?;
        make_directories(directory, changed)?;
        // A new name for a whole file needs no temporary one, which a kill would leave behind.
        if link_read_only(source, target).is_ok() {
            changed.insert(directory.to_owned());
            return Ok(before);
        }
    }
    place(target, changed, |copy| io::copy(&mut Whole { file: source, offset: 0 }, copy).map(drop))?;
    Ok(before)
}

/// Puts a short text at `target`.
pub(crate) fn write(text: &[u8], target: &Path, changed: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if outputs::read_regular(target, text.len() as u64).is_ok_and(|there| there == text) {
        changed.extend(target.parent().map(Path::to_owned));
        return Ok(());
    }
    place(target, changed, |file| file.write_all(text))
}

/// Makes changes of directories durable.
pub(crate) fn sync(changed: &BTreeSet<PathBuf>) -> Result<(), FileError> {
    changed.iter().try_for_each(|directory| {
        let synced = File::open(directory).and_then(|file| file.sync_all());
        synced.map_err(FileError::new("failed to sync", directory))
    })
}

fn place(
    target: &Path,
    changed: &mut BTreeSet<PathBuf>,
    fill: impl Fn(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(ErrorKind::InvalidFilename.into());
    };
    make_directories(directory, changed)?;
    // Two daemons may be at the same workunit: the process's number keeps them apart.
    let temporary = directory.join(format!(".buoy-{}.tmp", std::process::id()));
    let clear = || if_found(fs::remove_file(&temporary));
    clear()?;
    let placed = File::create_new(&temporary)
        .and_then(|mut file| fill(&mut file).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, directory.join(name)));
    if placed.is_err() {
        // The first error is the one that matters.
        let _ = clear();
    }
    placed?;
    changed.insert(directory.to_owned());
    Ok(())
}

fn make_directories(directory: &Path, changed: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(parent, changed)?;
        changed.insert(parent.to_owned());
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        done => done,
    }
}

/// What would change.
fn state(source: &File, target: &Path) -> io::Result<Collected> {
    let Some(there) = if_found(fs::symlink_metadata(target))? else { return Ok(Collected::New) };
    if there.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let here = entry_of_file(source)?;
    if there.is_file() && entry_at(target)?.identity == here.identity {
        return Ok(Collected::Already);
    }
    if !there.is_file() || there.len() != here.length {
        return Ok(Collected::Replaced);
    }
    let (there, _) = outputs::open_regular(target)?;
    match compare::bytes(Whole { file: source, offset: 0 }, there)? {
        Outcome::Same => Ok(Collected::Already),
        Outcome::Different(_) => Ok(Collected::Replaced),
    }
}

/// A file read from its beginning, wherever its own position is.
struct Whole<'a> {
    file: &'a File,
    offset: u64,
}

impl io::Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = read_at(self.file, buffer, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> File {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        File::open(path).unwrap()
    }

    #[test]
    fn taking_twice_changes_nothing_the_second_time() {
        let dir = tempfile::tempdir().unwrap();
        let source = file(&dir, "upload", "poses");
        let target = dir.path().join("results/b1/x");
        let mut changed = BTreeSet::new();
        assert_eq!(take(&source, &target, &mut changed).unwrap(), Collected::New);
        assert_eq!(changed.len(), 3, "{changed:?}");
        sync(&changed).unwrap();
        let inode = target.metadata().unwrap().ino();
        assert_eq!(take(&source, &target, &mut changed).unwrap(), Collected::Already);
        assert_eq!(target.metadata().unwrap().ino(), inode);
        assert_eq!(fs::read_to_string(&target).unwrap(), "poses");
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1, "a temporary file stays");
    }

    #[test]
    fn what_was_taken_outlives_and_outlasts_the_upload() {
        let dir = tempfile::tempdir().unwrap();
        let source = file(&dir, "upload", "poses");
        let target = dir.path().join("results/x");
        take(&source, &target, &mut BTreeSet::new()).unwrap();
        let writable = target.metadata().unwrap().mode() & 0o222 != 0;
        let is_link = target.metadata().unwrap().ino() == source.metadata().unwrap().ino();
        assert!(!(is_link && writable), "the upload handler can still write into it");
        fs::remove_file(dir.path().join("upload")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "poses");
    }

    #[test]
    fn other_contents_are_replaced_and_a_directory_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let source = file(&dir, "upload", "new");
        let target = dir.path().join("x");
        fs::write(&target, "old").unwrap();
        assert_eq!(take(&source, &target, &mut BTreeSet::new()).unwrap(), Collected::Replaced);
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        let error = take(&source, dir.path(), &mut BTreeSet::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn a_copy_is_made_where_no_link_can_be() {
        let dir = tempfile::tempdir().unwrap();
        // Without a name any more, a file cannot get another one.
        let source = file(&dir, "upload", "poses");
        fs::remove_file(dir.path().join("upload")).unwrap();
        let target = dir.path().join("results/x");
        assert_eq!(take(&source, &target, &mut BTreeSet::new()).unwrap(), Collected::New);
        assert_eq!(fs::read_to_string(&target).unwrap(), "poses");
        assert_eq!(take(&source, &target, &mut BTreeSet::new()).unwrap(), Collected::Already);
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1, "a temporary file stays");
    }

    #[test]
    fn a_link_in_the_way_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let source = file(&dir, "upload", "new");
        file(&dir, "precious", "old");
        let target = dir.path().join("x");
        std::os::unix::fs::symlink(dir.path().join("precious"), &target).unwrap();
        take(&source, &target, &mut BTreeSet::new()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("precious")).unwrap(), "old");
        assert!(target.symlink_metadata().unwrap().is_file());
    }
}

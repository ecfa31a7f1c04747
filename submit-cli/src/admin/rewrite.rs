//! Changes a file of a project's without changing whose it is: an admin may be root, the web server and the daemons are not.

use std::io;
use std::path::Path;

use boinc::atomic_file::write_atomically;
use boinc::file_error::if_found;
use boinc::platform::{Entry, User, change_owner, entry_at, set_mode, user};

/// Puts `text` into a file at once. If it was there, it keeps its mode, owner and group; else it gets those of its directory's owner.
///
/// # Errors
/// It cannot be written, or not be given back to its owner.
pub fn rewrite(file: &Path, text: &str) -> io::Result<()> {
    let before = if_found(entry_at(file))?;
    write_atomically(file, text.as_bytes())?;
    match before {
        Some(before) => {
            give_to(file, &before)?;
            set_mode(file, before.mode)
        }
        None => give_to_owner_of_parent(file),
    }
}

/// Gives a file or directory that was made just now to the owner and group of the directory it is in.
///
/// # Errors
/// Only root may give files away; for others the owner is the right one already, or this fails.
pub fn give_to_owner_of_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    give_to(path, &entry_at(parent)?)
}

fn give_to(path: &Path, like: &Entry) -> io::Result<()> {
    let now = entry_at(path)?;
    if (now.uid, now.gid) == (like.uid, like.gid) || !user().is_root() {
        return Ok(());
    }
    change_owner(path, User { uid: like.uid, gid: like.gid })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    #[test]
    fn a_file_stays_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.xml");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        // Root can see more of it than others.
        if rustix::process::geteuid().is_root() {
            chown(&file, Some(65_532), Some(65_531)).unwrap();
            chown(dir.path(), Some(65_532), None).unwrap();
        }
        let before = file.metadata().unwrap();
        rewrite(&file, "new").unwrap();
        let after = file.metadata().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
        let new = dir.path().join("plan_class_spec.xml");
        rewrite(&new, "x").unwrap();
        assert_eq!(new.metadata().unwrap().uid(), before.uid());
    }
}

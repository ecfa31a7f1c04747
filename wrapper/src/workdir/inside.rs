//! Names below the work directory, whose content a job decides: a directory on the way may have become a link out of it.

use std::fs;
use std::path::{Path, PathBuf};

/// The first directory on the way to `name` that is a symbolic link or no directory at all. Nothing after one that does
/// not exist is looked at.
///
/// Who calls this is sure that no process of the job runs.
pub(super) fn detour(work: &Path, name: &str) -> Option<PathBuf> {
    let mut path = work.to_owned();
    for part in Path::new(name).parent()?.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => {}
            Ok(_) => return Some(path),
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_real_directories_are_on_the_way() {
        let directory = tempfile::tempdir().unwrap();
        let work = directory.path();
        fs::create_dir(work.join("real")).unwrap();
        symlink("/etc", work.join("real/link")).unwrap();
        fs::write(work.join("file"), "").unwrap();
        for fine in ["x", "real", "real/x", "real/link", "none/x/y"] {
            assert_eq!(detour(work, fine), None, "{fine}");
        }
        assert_eq!(detour(work, "real/link/passwd"), Some(work.join("real/link")));
        assert_eq!(detour(work, "real/link/a/b"), Some(work.join("real/link")));
        assert_eq!(detour(work, "file/x"), Some(work.join("file")));
    }
}

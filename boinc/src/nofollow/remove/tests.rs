#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn the_target_of_a_link_stays() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("tree/sub")).unwrap();
    fs::create_dir(root.path().join("home")).unwrap();
    fs::write(root.path().join("home/precious"), "old").unwrap();
    symlink(root.path().join("home"), root.path().join("tree/sub/link")).unwrap();
    symlink(root.path().join("home"), root.path().join("link")).unwrap();
    for name in ["tree", "link", "link", "absent/tree"] {
        remove_tree(&root.path().join(name)).unwrap();
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    assert!(root.path().join("home/precious").exists());
}

#[test]
fn directories_without_permissions_go_too() {
    let root = tempfile::tempdir().unwrap();
    for mode in [0o000, 0o400, 0o100, 0o200, 0o600] {
        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("closed/below")).unwrap();
        fs::write(tree.join("closed/below/file"), "").unwrap();
        for path in ["closed/below", "closed", ""] {
            fs::set_permissions(tree.join(path), Permissions::from_mode(mode)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists(), "{mode:o}");
    }
}

#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn bench() -> (tempfile::TempDir, Directory) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("work")).unwrap();
    fs::create_dir(root.path().join("home")).unwrap();
    fs::write(root.path().join("home/precious"), "old").unwrap();
    let work = Directory::open(&root.path().join("work")).unwrap();
    (root, work)
}

fn precious(root: &tempfile::TempDir) -> String {
    fs::read_to_string(root.path().join("home/precious")).unwrap()
}

#[test]
fn a_link_in_the_place_of_a_directory_is_not_followed() {
    let (root, work) = bench();
    symlink(root.path().join("home"), root.path().join("work/d")).unwrap();
    let opened = work.open_accessible("d").unwrap_err();
    assert_eq!(opened.kind(), io::ErrorKind::NotADirectory);
    assert!(Directory::open(&root.path().join("work/d")).is_err());
    assert!(
        matches!(work.parent_of("d/precious").unwrap(), Parent::NotADirectory(path) if path == Path::new("d"))
    );
    assert!(matches!(work.make_parent_of("d/x/y").unwrap(), Parent::NotADirectory(_)));
}

#[test]
fn nothing_that_exists_is_opened_for_writing() {
    let (root, work) = bench();
    symlink(root.path().join("home/precious"), root.path().join("work/link")).unwrap();
    fs::hard_link(root.path().join("home/precious"), root.path().join("work/hard")).unwrap();
    for name in ["link", "hard"] {
        let error = work.create_file(name, 0o644).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        work.write_file(name, b"new", 0o644).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("work").join(name)).unwrap(), "new");
    }
    assert_eq!(precious(&root), "old");
}

#[test]
fn only_regular_files_are_read_and_nothing_is_waited_for() {
    let (root, work) = bench();
    let made = std::process::Command::new("mkfifo").arg(root.path().join("work/pipe")).status();
    assert!(made.unwrap().success());
    symlink(root.path().join("home/precious"), root.path().join("work/link")).unwrap();
    fs::create_dir(root.path().join("work/dir")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("work/socket")).unwrap();
    for name in ["pipe", "link", "dir", "socket", "/dev/null"] {
        assert!(work.open_file(name).is_err(), "{name}");
    }
}

#[test]
fn a_copy_shares_no_inode_and_has_no_set_user_id() {
    let (root, work) = bench();
    let source = root.path().join("home/precious");
    fs::set_permissions(&source, Permissions::from_mode(0o6777)).unwrap();
    work.copy_file(&mut File::open(&source).unwrap(), "copy").unwrap();
    let entry = work.entry_of("copy").unwrap().unwrap();
    assert_eq!((entry.links, entry.mode), (1, 0o755));
    fs::write(root.path().join("work/copy"), "new").unwrap();
    assert_eq!(precious(&root), "old");
    assert_eq!(work.names().unwrap().count(), 1, "no part of it stays");
}

#[test]
fn the_mode_of_a_links_target_is_not_changed() {
    let (root, work) = bench();
    let target = root.path().join("home/precious");
    fs::set_permissions(&target, Permissions::from_mode(0o400)).unwrap();
    symlink(&target, root.path().join("work/link")).unwrap();
    work.change_mode("link", |_| Some(0o777)).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o400);
}

//! What root asks for in a project of somebody else's is done as that user, from anywhere, until root wants it to stop.
//!
//! As another user, these tests see that the same holds without a change of user.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::folder::Folder;

/// The projects' owner; a number that no user has.
const OWNER: u32 = 65_531;

/// A project with these routes and shell scripts, an item in its spool, and this owner if we are root.
fn project(routes: &str, scripts: &[(&str, &str)]) -> Folder {
    let place = "buoy/spool/waiting/fold-0123456789ab__b1__a.failed-2";
    let item = "{\"version\":1,\"key\":\"fold-0123456789ab__b1__a.failed-2\",\"workunit\":\"fold-0123456789ab__b1__a\",\
                \"instance\":null,\"workunit_id\":\"26\",\"batch_id\":\"41\",\"received\":1000.0,\
                \"happened\":{\"failed\":{\"mask\":2}},\"outputs\":[]}";
    let mut folder = Folder::new()
        .with("buoy/routes.toml", routes)
        .with(&format!("{place}/item.json"), item)
        .with(&format!("{place}/lock"), "");
    for (name, body) in scripts {
        let path = format!("buoy/{name}");
        folder = folder.with(&path, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(folder.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    give(&folder.tree(), OWNER);
    folder
}

/// Gives files away, which only root can.
fn give(paths: &[PathBuf], owner: u32) {
    for path in paths.iter().filter(|_| geteuid().is_root()) {
        chown(path, Some(owner), Some(owner)).unwrap();
    }
}

/// As root's: closed to the owner.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    home
}

fn is_left_out() -> bool {
    if !geteuid().is_root() {
        println!("not root, who alone can have a project of somebody else's: left out");
    }
    !geteuid().is_root()
}

/// A fifo at which a script waits; both ends are open, so that nobody waits to open it.
fn gate(folder: &Folder, path: &str) -> File {
    File::options().read(true).write(true).open(fifo(folder, path)).unwrap()
}

fn fifo(folder: &Folder, path: &str) -> PathBuf {
    let path = folder.path(path);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    give(std::slice::from_ref(&path), OWNER);
    path
}

/// Starts `buoy` and goes on when a script has written to this fifo.
fn begun(folder: &Folder, arguments: &str, started: &str) -> Child {
    let fifo = fifo(folder, started);
    let mut command = Command::cargo_bin("buoy").unwrap();
    command.args(arguments.split(' ')).current_dir(folder.path("")).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    // There is an end of it once a script has begun.
    assert_eq!(fs::read_to_string(fifo).unwrap(), "begun\n");
    child
}

/// Sends a signal to `buoy` alone once a script has begun; how it ends then.
fn stopped(folder: &Folder, arguments: &str, started: &str) -> Output {
    let child = begun(folder, arguments, started);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn engines_are_called_where_the_projects_owner_may_be() {
    let folder = project("[app.vina.script]\ninit = ['judge']\ncontainer = 'python:3'\n", &[]);
    // As Podman does: it goes back to where it was started.
    let engine = "cd . || exit 125\necho '[{\"Id\": \"sha256:0123\"}]'";
    let programs = project("", &[("docker", engine), ("podman", engine)]);
    for program in ["sh", "getent", "id"] {
        let path = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(program));
        symlink(path.iter().find(|path| path.exists()).unwrap(), programs.path("buoy").join(program))
            .unwrap();
    }
    let home = home();
    let relative = format!("../{}", folder.path("").file_name().unwrap().to_str().unwrap());
    for (project, names) in
        [(relative.as_str(), "-- vina-0123456789ab__b1__a"), (folder.path("").to_str().unwrap(), "")]
    {
        let mut command = Command::cargo_bin("buoy").unwrap();
        command
            .args(["admin", "routes", "check", "--no-run", "--project", project])
            .args(names.split_whitespace());
        let output = command.current_dir(home.path()).env("PATH", programs.path("buoy")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("init: exists"), "{text}");
        assert_eq!(text.contains("route vina"), !names.is_empty(), "{text}");
    }
}

#[test]
fn a_spool_is_worked_off_from_where_its_owner_may_not_be() {
    let folder = project("[app.fold]\n", &[]);
    let home = home();
    let relative = format!("../{}", folder.path("").file_name().unwrap().to_str().unwrap());
    let mut command = Command::cargo_bin("buoy").unwrap();
    command.args(["admin", "spool", "--project", &relative, "retry", "fold-0123456789ab__b1__a.failed-2"]);
    let output = command.current_dir(home.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 done, 0 still waiting\n");
    for path in folder.tree() {
        assert_eq!(path.metadata().unwrap().uid(), folder.path("buoy").metadata().unwrap().uid());
    }
}

#[test]
fn a_check_that_root_stops_runs_no_further_script() {
    const ROUTES: usize = 300;
    let routes: String = (0..ROUTES).map(|n| format!("[app.a{n}.script]\ninit = ['judge']\n")).collect();
    let judge = "cd \"${0%/*}\"\necho >> called\nmkdir begun 2> /dev/null && echo begun > fifo\nexit 10";
    let folder = project(&routes, &[("judge", judge)]);
    let output = stopped(&folder, "admin routes check", "buoy/fifo");
    assert_eq!(output.status.code(), Some(130));
    let called = folder.read("buoy/called").lines().count();
    assert!(called < ROUTES, "{called}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_check_that_root_stops_twice_ends_at_once() {
    let judge = "cd \"${0%/*}\"\nmkdir begun 2> /dev/null && echo begun > fifo\nread line < wait";
    let routes = "[app.vina.script]\ninit = ['judge']\ntimeout_seconds = 10\n";
    let folder = project(routes, &[("judge", judge)]);
    let mut wait = gate(&folder, "buoy/wait");
    let mut child = begun(&folder, "admin routes check", "buoy/fifo");
    // A signal counts once until it was seen.
    while child.try_wait().unwrap().is_none() {
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        std::thread::yield_now();
    }
    // Whoever else writes there is waited for.
    let output = child.wait_with_output().unwrap();
    wait.write_all(b"go on\n").unwrap();
    assert_eq!(output.status.signal(), Some(Signal::TERM.as_raw()));
    assert!(output.stdout.is_empty(), "nobody has checked to the end");
}

#[test]
fn a_retry_that_root_stops_ends_at_once() {
    // What nobody lets go on ends by its time.
    let routes = "[app.fold.script]\nassimilate = ['store']\ntimeout_seconds = 10\n";
    let store = "cd \"${0%/*}\"\nmkdir begun 2> /dev/null && echo begun > fifo\nread line < wait\n";
    let folder = project(routes, &[("store", store)]);
    let mut wait = gate(&folder, "buoy/wait");
    let output = stopped(&folder, "admin spool retry", "buoy/fifo");
    // The script itself got nothing.
    wait.write_all(b"go on\n").unwrap();
    // Without a change of user it is the signal that ends it.
    assert_eq!(output.status.code(), geteuid().is_root().then_some(130));
    assert!(output.stdout.is_empty());
    assert!(folder.path("buoy/spool/waiting/fold-0123456789ab__b1__a.failed-2").exists());
}

#[test]
fn nothing_is_run_as_root_in_a_project_of_somebody_elses() {
    if is_left_out() {
        return;
    }
    let routes = "[app.fold.script]\nassimilate = ['note']\n[app.vina.script]\ninit = ['note']\n";
    let folder = project(routes, &[("note", "echo \"$(id -u)\" >> \"${0%/*}/called\"")]);
    let directory = folder.path("").canonicalize().unwrap();
    let refused = |arguments: &str| {
        let text = folder.buoy(arguments).refused();
        assert!(!folder.path("buoy/called").exists());
        text.replace(directory.to_str().unwrap(), "DIR")
    };
    give(&[folder.path("buoy/spool")], 0);
    insta::assert_snapshot!(refused("admin spool retry"), @"error: DIR/buoy/spool belongs to root, and its project to 65531: nothing is run or changed there as root; chown -R 65531 DIR/buoy");
    insta::assert_snapshot!(refused("admin spool drop fold-0123456789ab__b1__a.failed-2"), @"error: DIR/buoy/spool belongs to root, and its project to 65531: nothing is run or changed there as root; chown -R 65531 DIR/buoy");
    give(&[folder.path("buoy")], 0);
    insta::assert_snapshot!(refused("admin routes check"), @"error: DIR/buoy belongs to root, and its project to 65531: nothing is run or changed there as root; chown -R 65531 DIR/buoy");
    insta::assert_snapshot!(refused("admin spool retry"), @"error: DIR/buoy/spool belongs to root, and its project to 65531: nothing is run or changed there as root; chown -R 65531 DIR/buoy");
    assert_eq!(folder.buoy("admin spool list").code, 0, "looking is for all");
    // A spool that is not there yet would be made.
    fs::rename(folder.path("buoy/spool"), folder.path("spool")).unwrap();
    insta::assert_snapshot!(refused("admin spool retry"), @"error: DIR/buoy belongs to root, and its project to 65531: nothing is run or changed there as root; chown -R 65531 DIR/buoy");
    fs::rename(folder.path("spool"), folder.path("buoy/spool")).unwrap();
    // What is all root's is root's to run.
    give(&folder.tree(), 0);
    assert_eq!(folder.buoy("admin routes check").code, 0);
    assert_eq!(folder.buoy("admin spool retry").code, 0);
    assert_eq!(folder.read("buoy/called"), "0\n0\n");
}

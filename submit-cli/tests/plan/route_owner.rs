//! Routes and the spool are the project owner's business: root is refused in another user's project, and who is not refused
//! can stop at any time.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::folder::Folder;

/// Another owner; a number that no user has.
const OWNER: u32 = 65_531;

/// Our project, with these routes and shell scripts and an item in its spool.
fn project(routes: &str, scripts: &[(&str, &str)]) -> Folder {
    let place = "buoy/spool/waiting/fold-0123456789ab__b1__a.failed-2";
    let item = "{\"version\":1,\"key\":\"fold-0123456789ab__b1__a.failed-2\",\"workunit\":\"fold-0123456789ab__b1__a\",\
                \"instance\":null,\"workunit_id\":\"26\",\"batch_id\":\"41\",\"received\":1000.0,\
                \"outcome\":{\"failed\":{\"mask\":2}},\"outputs\":[]}";
    let mut folder = Folder::new()
        .with("buoy/routes.toml", routes)
        .with(&format!("{place}/item.json"), item)
        .with(&format!("{place}/lock"), "");
    for (name, body) in scripts {
        let path = format!("buoy/{name}");
        folder = folder.with(&path, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(folder.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// A fifo at which a script waits; both ends are open, so that nobody waits to open it.
fn gate(folder: &Folder, path: &str) -> File {
    File::options().read(true).write(true).open(fifo(folder, path)).unwrap()
}

fn fifo(folder: &Folder, path: &str) -> PathBuf {
    let path = folder.path(path);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
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

/// Gives a project away, which only root can.
fn give(paths: &[PathBuf], owner: u32) {
    for path in paths {
        chown(path, Some(owner), Some(owner)).unwrap();
    }
}

#[test]
fn engines_are_called_where_the_projects_owner_may_be() {
    let folder = project("[app.vina.script]\ninit = ['judge']\ncontainer = 'python:3'\n", &[]);
    // Podman returns to where it was started, and fails if its user may not enter that.
    let engine = "case $(pwd) in */buoy) echo '[{\"Id\": \"sha256:0123\"}]' ;; *) exit 125 ;; esac";
    let programs = project("", &[("docker", engine), ("podman", engine)]);
    let sh = ["/usr/bin/sh", "/bin/sh"].map(Path::new);
    symlink(sh.iter().find(|path| path.exists()).unwrap(), programs.path("buoy/sh")).unwrap();
    let elsewhere = tempfile::tempdir_in(folder.path("").parent().unwrap()).unwrap();
    let relative = format!("../{}", folder.path("").file_name().unwrap().to_str().unwrap());
    let mut command = Command::cargo_bin("buoy").unwrap();
    command.args(["admin", "routes", "check", "--no-run", "--project", &relative]);
    command.args(["--", "vina-0123456789ab__b1__a"]);
    let output = command.current_dir(elsewhere.path()).env("PATH", programs.path("buoy")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("init: exists") && text.contains("route vina"), "{text}");
}

#[test]
fn a_check_that_is_stopped_runs_no_further_script() {
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
fn a_check_that_is_stopped_twice_ends_at_once() {
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
fn a_retry_that_is_stopped_ends_at_once() {
    // What nobody lets go on ends by its time.
    let routes = "[app.fold.script]\nassimilate = ['store']\ntimeout_seconds = 10\n";
    let store = "cd \"${0%/*}\"\nmkdir begun 2> /dev/null && echo begun > fifo\nread line < wait\n";
    let folder = project(routes, &[("store", store)]);
    let mut wait = gate(&folder, "buoy/wait");
    let output = stopped(&folder, "admin spool retry", "buoy/fifo");
    // The script itself got nothing.
    wait.write_all(b"go on\n").unwrap();
    assert_eq!(output.status.signal(), Some(Signal::TERM.as_raw()));
    assert!(output.stdout.is_empty());
    assert!(folder.path("buoy/spool/waiting/fold-0123456789ab__b1__a.failed-2").exists());
}

#[test]
fn root_is_sent_to_the_owner_of_another_users_project() {
    if !geteuid().is_root() {
        println!("not root, who alone is refused: left out");
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
    give(&[folder.path("buoy/spool")], OWNER);
    insta::assert_snapshot!(refused("admin spool retry"), @r"
    error: DIR/buoy/spool belongs to 65531: as root, nothing is run or changed there
      help: run sudo -u '#65531' buoy admin spool retry
    ");
    give(&folder.tree(), OWNER);
    insta::assert_snapshot!(refused("admin routes check"), @r"
    error: DIR belongs to 65531: as root, nothing is run or changed there
      help: run sudo -u '#65531' buoy admin routes check
    ");
    insta::assert_snapshot!(refused("admin spool drop fold-0123456789ab__b1__a.failed-2"), @r"
    error: DIR belongs to 65531: as root, nothing is run or changed there
      help: run sudo -u '#65531' buoy admin spool drop fold-0123456789ab__b1__a.failed-2
    ");
    // A spool that is not there yet would be made.
    fs::rename(folder.path("buoy/spool"), folder.path("spool")).unwrap();
    insta::assert_snapshot!(refused("admin spool --project . retry"), @r"
    error: DIR belongs to 65531: as root, nothing is run or changed there
      help: run sudo -u '#65531' buoy admin spool --project . retry
    ");
    fs::rename(folder.path("spool"), folder.path("buoy/spool")).unwrap();
    assert_eq!(folder.buoy("admin spool list").code, 0, "looking is for all");
    // What is all root's is root's to run.
    give(&folder.tree(), 0);
    assert_eq!(folder.buoy("admin routes check").code, 0);
    assert_eq!(folder.buoy("admin spool retry").code, 0);
    assert_eq!(folder.read("buoy/called"), "0\n0\n");
}

//! `buoy doctor` tries each engine with a container of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::support::{Engine, with_each_engine};

with_each_engine! {
    an_engine_is_tried_and_nothing_is_left => engine_an_engine_is_tried_and_nothing_is_left,
    an_engine_that_starts_nothing_is_bad => engine_an_engine_that_starts_nothing_is_bad,
}

/// What `buoy doctor` found about an engine: its lines, and its process id.
fn doctor(engine: Engine, dir: &std::path::Path, path: Option<String>) -> (Vec<String>, u32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
    command.arg("doctor").current_dir(dir).stdout(std::process::Stdio::piped());
    command.envs(path.map(|path| ("PATH", path)));
    let child = command.spawn().unwrap();
    let pid = child.id();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let about = format!(" {}: ", engine.program());
    (text.lines().filter(|line| line.contains(&about)).map(str::to_owned).collect(), pid)
}

fn an_engine_is_tried_and_nothing_is_left(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let (lines, pid) = doctor(engine, dir.path(), None);
    let has = |text: &str| lines.iter().any(|line| line.starts_with("ok") && line.contains(text));
    assert!(has("ran a test container") && has("paused and resumed it"), "{lines:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let name = format!("buoy-trial-{pid}");
    assert!(engine.lines(&["ps", "--all", "--quiet", "--filter", &format!("name={name}")]).is_empty());
    let label = format!("label=org.buoy.owner={name}");
    assert!(engine.lines(&["image", "ls", "--quiet", "--filter", &label]).is_empty());
}

/// It answers, as an engine does whose runtime is broken.
fn an_engine_that_starts_nothing_is_bad(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = bin.join(engine.program());
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = start ]; then echo 'Error: OCI runtime error: no such device' >&2; exit 125; fi\n\
         PATH='{path}'; export PATH; exec {} \"$@\"\n",
        engine.program()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (lines, pid) = doctor(engine, dir.path(), Some(format!("{}:{path}", bin.display())));
    let wrong = lines.iter().find(|line| line.contains("failed to start a test container"));
    let line = wrong.unwrap_or_else(|| panic!("{lines:?}"));
    assert!(line.starts_with("bad") || line.starts_with("warn"), "{line}");
    assert!(line.contains("no such device") && line.contains("a volunteer's client"), "{line}");
    let name = format!("name=buoy-trial-{pid}");
    assert!(engine.lines(&["ps", "--all", "--quiet", "--filter", &name]).is_empty());
}

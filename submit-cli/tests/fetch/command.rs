//! The command itself.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use assert_cmd::Command;

use crate::support::{AUTHENTICATOR, Bench, Outputs, expected, outputs};

/// `buoy fetch` of a submitter who is logged in.
fn buoy(bench: &Bench, config: &Path, url: &str) -> Command {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(config).unwrap();
    std::fs::set_permissions(config, std::fs::Permissions::from_mode(0o700)).unwrap();
    let file = config.join("projects.toml");
    std::fs::write(&file, format!("[project.harbour]\nurl = \"{url}\"\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::cargo_bin("buoy").unwrap();
    command
        .arg("fetch")
        .current_dir(bench.path(""))
        .env("BUOY_CONFIG_DIR", config)
        .env("BUOY_AUTHENTICATOR", AUTHENTICATOR);
    command
}

#[test]
fn it_prints_the_table_and_says_how_it_went() {
    let bench = Bench::new(&["a", "b"]);
    bench.finish(&["a"]);
    let output = buoy(&bench, &bench.path("config"), bench.project.url()).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert_eq!(out, "results/results.csv\n");
    assert!(
        err.starts_with("1 job to fetch to results; 1 not done\n[1/1] a: 2 files, 100 kB\n1 job fetched, "),
        "{err}"
    );
    assert_eq!(outputs(bench.files()), expected(&["a"]));
}

#[test]
fn outputs_that_are_gone_are_an_exit_status_of_their_own() {
    let bench = Bench::with(&["a"], Outputs::DeletedWhenAssimilated, 1 << 20);
    bench.finish(&["a"]);
    let output = buoy(&bench, &bench.path("config"), bench.project.url())
        .args(["results", "a", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let events: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .filter(|kind| *kind != "downloaded")
        .collect();
    assert_eq!(kinds, ["started", "missing", "finished"]);
    assert_eq!(events.last().unwrap()["missing"], 1);
}

#[test]
fn an_authenticator_goes_to_no_other_project_than_the_campaigns() {
    let bench = Bench::new(&["a"]);
    let other = Bench::new(&["x"]);
    let output = buoy(&bench, &bench.path("config"), other.project.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("the project of this campaign; run buoy login http://"), "{err}");
    assert_eq!(other.project.requests().len(), 0);
}

#[test]
fn the_submitters_name_for_the_project_may_be_another_than_it_was() {
    let bench = Bench::new(&["a"]);
    bench.finish(&["a"]);
    let mut command = buoy(&bench, &bench.path("config"), bench.project.url());
    let file = bench.path("config").join("projects.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("harbour", "port");
    std::fs::write(&file, text).unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(outputs(bench.files()), expected(&["a"]));
}

#[test]
fn a_second_ctrl_c_ends_a_download_that_hangs_and_the_next_fetch_goes_on() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.finish(&["a", "b"]);
    // The server keeps the first zip to itself.
    let gate = emulated_project::Gate::new();
    bench.project.faults().on("get_output", 1, emulated_project::Fault::Held(gate.clone()));
    let prepared = buoy(&bench, &bench.path("config"), bench.project.url());
    let mut command = std::process::Command::new(prepared.get_program());
    command.args(prepared.get_args()).current_dir(bench.path("")).stderr(std::process::Stdio::piped());
    for (name, value) in prepared.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let interrupt = || {
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    };
    // The other job comes meanwhile.
    lines.by_ref().find(|line| line.starts_with("[1/2]")).unwrap();
    interrupt();
    lines.by_ref().find(|line| line.starts_with("note: stopping")).unwrap();
    interrupt();
    assert_eq!(child.wait().unwrap().signal(), Some(2), "as Ctrl-C ends a program");
    gate.open();
    assert_eq!(bench.noted().len(), 1);
    assert_eq!(bench.fetch().unwrap().fetched, 1);
    assert_eq!(outputs(bench.files()), expected(&["a", "b"]));
}

#[test]
fn a_wrong_authenticator_is_the_submitters_mistake_and_what_to_do_is_said() {
    let bench = Bench::new(&["a"]);
    bench.finish(&["a"]);
    let mut command = buoy(&bench, &bench.path("config"), bench.project.url());
    let output = command.env("BUOY_AUTHENTICATOR", "f".repeat(32)).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("does not know this authenticator") && err.contains("buoy login again"), "{err}");
    assert!(!err.contains("ffffffff"), "{err}");
}

#[test]
fn an_unknown_job_is_the_submitters_mistake() {
    let bench = Bench::new(&["aspirin"]);
    let output = buoy(&bench, &bench.path("config"), bench.project.url()).arg("asprin").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("did you mean aspirin?"));
}

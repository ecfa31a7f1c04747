//! What a submitter, a computer or a project can have wrong: each is said, with what to do, and spoils nothing.

use std::process::{Output, Stdio};
use std::time::Duration;

use emulated_project::{Fault, Gate, Permission, Settings, User};

use submit_cli::remote::submission::SubmitError;

use crate::campaign::{AUTHENTICATOR, Bench};
use crate::odd_servers::refusal;

const SUBMIT: [&str; 5] = ["submit", ".", "jobs.csv", "--yes", "--detach"];

/// Asserts exit code and words; the authenticator is in no message.
#[track_caller]
fn assert_said(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(!text.contains(AUTHENTICATOR), "{text}");
}

/// What is wrong is mended: the same command brings the campaign to its end.
#[track_caller]
fn assert_goes_on(bench: &Bench) {
    assert_said(&bench.ran(&SUBMIT), 0, &["all 3 jobs are on the server"]);
    bench.assert_all_there_once();
}

#[test]
fn an_address_where_nobody_answers() {
    let bench = Bench::new(3);
    // Closed again as soon as its number is known.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/");
    let output = bench.buoy(&["login", &url]).env("BUOY_AUTHENTICATOR", AUTHENTICATOR).output().unwrap();
    assert_said(&output, 3, &["failed to connect to ", "help: check the address"]);
}

#[test]
fn no_permission_to_submit() {
    let bench = Bench::with(3, Settings::default());
    bench.log_in();
    for permission in [Permission::None, Permission::Apps(vec!["other".to_owned()])] {
        let key = "fedcba9876543210fedcba9876543210".to_owned();
        bench.project.add_user(User {
            name: "bob".to_owned(),
            authenticator: key.clone(),
            submit: permission,
        });
        let output = bench.buoy(&SUBMIT).env("BUOY_AUTHENTICATOR", &key).output().unwrap();
        assert_said(&output, 3, &["you may not submit jobs", "help: ask the project's administrator"]);
    }
    assert_goes_on(&bench);
}

#[test]
fn an_app_that_the_project_does_not_have() {
    let mut bench = Bench::new(3);
    bench.entry.app_name = "docker".to_owned();
    bench.log_in();
    assert_said(
        &bench.ran(&SUBMIT),
        2,
        &["the project has no BOINC app docker", "help: ask the project for the name of its universal app"],
    );
}

#[test]
fn an_authenticator_that_is_refused_in_the_middle() {
    let bench = Bench::new(3);
    bench.log_in();
    bench.project.faults().on("query_files", 1, refusal("query_files", "bad authenticator"));
    assert_said(&bench.ran(&SUBMIT), 2, &["does not know this authenticator", "buoy login again"]);
    assert_goes_on(&bench);
}

#[test]
fn as_many_jobs_as_the_project_allows() {
    let bench = Bench::new(3);
    bench.log_in();
    let full = refusal("submit_batch", "limit on jobs in progress exceeded");
    bench.project.faults().on("submit_batch", 1, full);
    assert_said(
        &bench.ran(&SUBMIT),
        3,
        &[
            "the project allows you no more jobs in progress",
            "help: wait until some of your jobs have finished",
        ],
    );
    assert_goes_on(&bench);
}

#[test]
fn a_project_that_is_closed() {
    let bench = Bench::new(3);
    bench.log_in();
    bench.project.set_closed(true);
    assert_said(&bench.ran(&SUBMIT), 3, &["the project is closed", "help: try again later"]);
    bench.project.set_closed(false);
    assert_goes_on(&bench);
}

#[test]
fn an_input_that_changes_while_others_are_on_their_way() {
    let bench = Bench::new(3);
    bench.log_in();
    let gate = Gate::new();
    bench.project.faults().on("query_files", 1, Fault::Held(gate.clone()));
    let submit = bench.buoy(&SUBMIT).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(gate.wait_until_reached(Duration::from_secs(60)));
    bench.write("l1.pdbqt", "ligand X\n");
    gate.open();
    let output = submit.wait_with_output().unwrap();
    assert_said(&output, 2, &["l1.pdbqt: this file has changed", "restore the file"]);
    assert_eq!(bench.project.workunit_count(), 0);
    bench.write("l1.pdbqt", "ligand 1\n");
    assert_goes_on(&bench);
}

#[test]
fn a_campaign_file_of_a_newer_version() {
    let bench = Bench::new(3);
    bench.log_in();
    let path = bench.campaign().path().to_owned();
    let version = |version: i64| {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
    };
    version(99);
    for args in [&SUBMIT[..], &["status"], &["watch"], &["fetch"]] {
        assert_said(&bench.ran(args), 3, &["campaign file of version 99", "use the buoy that wrote it"]);
    }
    version(submit_cli::campaign::SCHEMA_VERSION);
    assert_goes_on(&bench);
}

#[test]
fn a_damaged_campaign_file() {
    let bench = Bench::new(3);
    bench.log_in();
    bench.submit().unwrap();
    let state = bench.path("results/.buoy");
    std::fs::write(state.join("campaign.sqlite"), "no database ".repeat(1000)).unwrap();
    for args in [&SUBMIT[..], &["status"], &["fetch"]] {
        assert_said(&bench.ran(args), 3, &["damaged campaign file", "away and run again"]);
    }
    std::fs::rename(&state, bench.path("aside")).unwrap();
    assert_goes_on(&bench);
}

#[test]
fn two_submissions_of_one_campaign_at_once() {
    let bench = Bench::new(3);
    bench.log_in();
    let first = bench.campaign();
    let holder = format!("another buoy process (PID {}) is using this campaign", std::process::id());
    assert_said(&bench.ran(&SUBMIT), 3, &[&holder, "wait for it, stop it, or use another --out"]);
    drop(first);
    assert_goes_on(&bench);
}

#[test]
fn a_campaign_without_its_lock_can_be_looked_at() {
    let bench = Bench::new(3);
    bench.log_in();
    bench.submit().unwrap();
    std::fs::remove_file(bench.path("results/.buoy/lock")).unwrap();
    assert_said(&bench.ran(&["status"]), 0, &[]);
}

/// Runs `buoy` at a terminal of its own, and types keys once it asks; its exit code (130 also if Ctrl-C killed it), and what
/// was to be seen.
#[cfg(target_os = "linux")]
fn at_a_terminal(bench: &Bench, args: &str, keys: &str) -> (Option<i32>, String) {
    use std::io::{Read, Write};
    let buoy = bench.buoy(&[]);
    let line = format!("exec {} {args}", buoy.get_program().to_str().unwrap());
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(bench.path(""));
    for (name, value) in buoy.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"[y/N] ") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "no question: {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    stdin.write_all(keys.as_bytes()).unwrap();
    stdout.read_to_end(&mut seen).unwrap();
    (child.wait().unwrap().code(), String::from_utf8(seen).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_no_and_ctrl_c_at_the_question_send_nothing() {
    for keys in ["n\r", "\x03"] {
        let bench = Bench::new(3);
        bench.log_in();
        let (code, seen) = at_a_terminal(&bench, "submit . jobs.csv --detach", keys);
        assert_eq!(code, Some(130), "{seen}");
        assert!(bench.project.files().is_empty());
        bench.submit().unwrap();
        let (code, seen) = at_a_terminal(&bench, "abort", keys);
        assert_eq!(code, Some(130), "{seen}");
        assert_eq!(bench.project.requests().count("abort_batch"), 0);
    }
    let bench = Bench::new(3);
    bench.log_in();
    let (code, seen) = at_a_terminal(&bench, "submit . jobs.csv --detach", "y\r");
    assert_eq!(code, Some(0), "{seen}");
    bench.assert_all_there_once();
}

#[test]
fn a_refused_plan_is_not_what_the_campaign_is() {
    let bench = Bench::new(2);
    bench.submit().unwrap();
    let before = bench.campaign().meta().unwrap();
    let mut plan = bench.plan();
    plan.parameters.push("more".to_owned());
    plan.jobs[0].command_line.push_str(" --more");
    let error = bench.submit_plan(&plan).unwrap_err();
    assert!(matches!(error, SubmitError::ChangedJobs { .. }), "{error:?}");
    assert_eq!(bench.campaign().meta().unwrap(), before);
}

/// Otherwise each result would be computed again and again, since no validator can decide.
#[test]
fn a_science_app_without_a_route_is_refused_before_anything_is_sent() {
    let bench = Bench::new(2);
    bench.log_in();
    bench.project.publish("buoy_routes.json", br#"{"all":false,"apps":["vina"]}"#);
    let arguments = ["submit", ".", "jobs.csv", "--yes", "--detach"];
    let output = bench.ran(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no route for this science app"), "{said}");
    assert_eq!((bench.project.workunit_count(), bench.project.files().len()), (0, 0));
    for routes in [r#"{"all":false,"apps":["dock"]}"#, r#"{"all":true,"apps":[]}"#] {
        bench.project.publish("buoy_routes.json", routes.as_bytes());
        assert_eq!(bench.ran(&arguments).status.code(), Some(0));
    }
}

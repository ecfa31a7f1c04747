//! The verb itself: what it says, asks and answers.

use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;

use crate::campaign::{AUTHENTICATOR, Bench};

impl Bench {
    /// `buoy` in the bench's directory, with its projects.
    pub fn buoy(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("buoy").unwrap();
        command
            .args(args)
            .current_dir(self.path(""))
            .env("BUOY_CONFIG_DIR", self.path("config"))
            .env_remove("BUOY_AUTHENTICATOR")
            .stdin(Stdio::null());
        command
    }

    pub fn ran(&self, args: &[&str]) -> Output {
        self.buoy(args).output().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn submit_says_what_it_sends_and_what_arrived() {
    let bench = Bench::new(3);
    bench.log_in();
    let output = bench.ran(&["submit", ".", "jobs.csv", "--yes", "--detach"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stderr(&output).replace(bench.project.url(), "URL");
    let digest = text.split(".pdbqt").next().unwrap_or_default().len();
    assert!(digest > 0);
    assert!(text.contains("submit   3 jobs of dock, batch jobs, to emulated (URL), app universal"), "{text}");
    assert!(text.contains("done     all 3 jobs are on the server"), "{text}");
    assert!(!text.contains(AUTHENTICATOR));
    bench.assert_all_there_once();
}

#[test]
fn without_a_terminal_nothing_is_sent_unless_that_was_said() {
    let bench = Bench::new(3);
    bench.log_in();
    let output = bench.ran(&["submit", ".", "jobs.csv", "--detach"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
    assert_eq!((bench.project.workunit_count(), bench.project.files().len()), (0, 0));
}

#[test]
fn a_dry_run_sends_nothing_and_writes_nothing() {
    let bench = Bench::new(30);
    bench.log_in();
    let output = bench.ran(&["submit", ".", "jobs.csv", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("submit_batch") && text.contains("30 jobs"), "{text}");
    assert!(bench.project.requests().is_empty());
    assert!(!bench.path("results").exists());
}

#[test]
fn events_are_one_json_object_a_line() {
    let bench = Bench::new(3);
    bench.log_in();
    let output = bench.ran(&["submit", ".", "jobs.csv", "--yes", "--detach", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<String> = text
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(events, ["files_asked", "uploaded", "batch", "submitted", "ended"]);
}

#[test]
fn refusals_say_what_to_do() {
    let mut bench = Bench::new(3);
    let not_logged_in = bench.ran(&["submit", ".", "jobs.csv", "--yes"]);
    assert_eq!(not_logged_in.status.code(), Some(2));
    assert!(stderr(&not_logged_in).contains("buoy login"), "{}", stderr(&not_logged_in));

    bench.log_in();
    for (key, says) in [("00000000000000000000000000000000", "buoy login"), ("no key", "authenticator")] {
        let output = bench
            .buoy(&["submit", ".", "jobs.csv", "--yes"])
            .env("BUOY_AUTHENTICATOR", key)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(says) && !stderr(&output).contains(key), "{}", stderr(&output));
    }
    bench.entry.app_name = "docker".to_owned();
    bench.log_in();
    let output = bench.ran(&["submit", ".", "jobs.csv", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("docker"), "{}", stderr(&output));
}

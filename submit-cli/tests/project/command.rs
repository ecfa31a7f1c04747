//! The verb itself: what it says, asks and answers.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use emulated_project::{Fault, Gate, Report};

use crate::campaign::{AUTHENTICATOR, Bench};

impl Bench {
    /// `buoy` in the bench's directory, with its projects.
    pub fn buoy(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("buoy").unwrap();
        command
            .args(args)
            .current_dir(self.path(""))
            .env("BUOY_CONFIG_DIR", self.path("config"))
            .env("BUOY_STATE_DIR", self.path("state"))
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
fn submit_watches_until_all_jobs_are_over_and_fetches_their_outputs() {
    let bench = Bench::new(2);
    bench.log_in();
    let gate = Gate::new();
    bench.project.faults().on("query_batch2", 1, Fault::Held(gate.clone()));
    let mut submit =
        bench.buoy(&["submit", ".", "jobs.csv", "--yes"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(submit.stderr.take().unwrap());
    let mut lines = String::new();
    while !lines.contains("2 jobs: 2 unsent") {
        assert!(said.read_line(&mut lines).unwrap() > 0, "{lines}");
    }
    for name in bench.project.workunit_names() {
        while bench.project.workunit(&name).unwrap().canonical_result == 0 {
            bench.project.finish_job(&name, Report::with_outputs(["poses"])).unwrap();
        }
    }
    gate.open();
    said.read_to_string(&mut lines).unwrap();
    assert_eq!(submit.wait().unwrap().code(), Some(0), "{lines}");
    assert!(lines.contains("[2/2] 2 done\n2 done\n"), "{lines}");
    for job in ["j0", "j1"] {
        let poses = std::fs::read_to_string(bench.path("results").join(job).join("poses.pdbqt")).unwrap();
        assert_eq!(poses, "poses");
    }
    let listed = String::from_utf8(bench.ran(&["list"]).stdout).unwrap();
    assert!(listed.contains("emulated  2 done"), "{listed}");
}

#[test]
fn a_retry_has_its_inputs_whatever_became_of_them() {
    let bench = Bench::new(2);
    bench.log_in();
    assert_eq!(bench.ran(&["submit", ".", "jobs.csv", "--yes", "--detach"]).status.code(), Some(0));
    let name = bench.project.workunit_names().remove(0);
    while bench.project.workunit(&name).unwrap().error_mask == 0 {
        bench.project.send_out(&name).unwrap();
        bench.project.fail_instance(&name, 139, "boom").unwrap();
    }
    for file in bench.project.files() {
        bench.project.remove_download_file(&file);
    }
    let status = String::from_utf8(bench.ran(&["status"]).stdout).unwrap();
    assert!(status.contains("exit 139 (segmentation fault)"), "{status}");
    let output = bench.ran(&["retry", "--with", "memory=2 GB"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let again = bench.project.workunit(&format!("{name}-r1")).unwrap();
    let first = bench.project.workunit(&name).unwrap();
    let names = |workunit: &emulated_project::Workunit| -> Vec<String> {
        workunit.inputs.iter().map(|input| input.physical_name.clone()).collect()
    };
    assert_eq!((names(&again), &again.command_line), (names(&first), &first.command_line));
    assert!(names(&again).iter().all(|input| bench.project.file(input).is_some()));
    assert_eq!(again.rsc_memory_bound, 2e9);
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
    assert_eq!(events, ["files_checked", "uploaded", "batch", "submitted", "finished"]);
}

#[test]
fn report_says_in_json_where_its_page_is() {
    let bench = Bench::new(2);
    bench.submit().unwrap();
    let output = bench.ran(&["report", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"page\":\"results/report.html\"}\n");
    assert!(bench.path("results/report.html").is_file());
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

//! Ctrl-C, kill -9 and two at once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::support::{Bench, assert_code, stderr};

const SINGLE: &str = "[replication]\nquorum = 1\n";

/// Waits for something to become true, up to a deadline.
#[track_caller]
fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn ctrl_c_freezes_what_runs_and_the_same_command_continues_it() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("quick", "out:out.txt=x"), ("slow", "sleep:60000 out:out.txt=y")]);
    let child = bench.buoy().args(["run", ".", "jobs.csv", "--slots", "1"]).spawn().unwrap();
    wait_until("the second job has begun", || bench.traced("start") == 2);
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 130);
    assert_eq!(bench.traced("told to leave"), 1);
    assert_eq!(bench.table()["quick"]["state"], "done");
    assert_eq!(bench.table()["slow"]["state"], "in_progress");
    assert!(stderr(&output).contains("run the same command to resume"), "{}", stderr(&output));
}

#[test]
fn two_runs_on_one_campaign_are_refused() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("slow", "sleep:60000 out:out.txt=y")]);
    let child = bench.buoy().args(["run", ".", "jobs.csv"]).spawn().unwrap();
    wait_until("the job has begun", || bench.traced("start") == 1);
    let second = bench.run(&[]);
    assert_code(&second, 3);
    assert!(
        stderr(&second).contains(&format!("another buoy process (PID {})", child.id())),
        "{}",
        stderr(&second)
    );
    signal(&child, "TERM");
    assert_code(&child.wait_with_output().unwrap(), 130);
}

#[test]
fn killed_at_any_moment_each_job_is_collected_exactly_once() {
    let bench = Bench::new("[replication]\nquorum = 2\ntotal = 2\n");
    let names: Vec<String> = (0..20).map(|n| format!("j{n}")).collect();
    let jobs: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "out:out.txt=x sleep:40")).collect();
    bench.jobs(&jobs);
    // Moments spread over the run: from before the first slot is set up to the last assimilation.
    for milliseconds in [3, 11, 23, 37, 60, 90, 130, 170, 210, 260] {
        let mut child = bench.buoy().args(["run", ".", "jobs.csv", "--slots", "2"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        signal(&child, "KILL");
        child.wait().unwrap();
    }
    assert_code(&bench.run(&[]), 0);
    for (name, row) in bench.table() {
        assert_eq!(row["state"], "done", "{name}");
        assert_eq!(bench.read(&format!("results/{name}/out.txt")), "x");
    }
    assert_eq!(bench.traced("work"), 40, "each of two results of each job was worked on once");
    bench.assert_no_slot();
}

#[test]
fn a_second_ctrl_c_kills_a_wrapper_that_does_not_listen() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("deaf", "deaf:50 out:out.txt=y")]);
    let mut child = bench.buoy().args(["run", ".", "jobs.csv"]).spawn().unwrap();
    wait_until("the job has begun", || bench.traced("start") == 1);
    signal(&child, "INT");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().starts_with("note: stopping;")));
    let begun = Instant::now();
    signal(&child, "INT");
    assert_code(&child.wait_with_output().unwrap(), 130);
    assert!(begun.elapsed() < Duration::from_secs(20), "it was not waited for");
    bench.assert_no_slot();
}

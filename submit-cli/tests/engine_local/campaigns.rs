//! Campaigns as a submitter runs them.

use std::process::{Child, Command};
use std::time::Duration;

use super::support::{Bench, Engine, assert_code, wait_until, with_each_engine};

const PAIR: &str = "[replication]\nquorum = 2\nmax_errors = 1\n";
const SINGLE: &str = "[replication]\nquorum = 1\n";

with_each_engine! {
    replicas_that_agree_are_collected => engine_replicas_that_agree_are_collected,
    a_failure_shows_its_exit_status_and_its_log => engine_a_failure_shows_its_exit_status_and_its_log,
    ctrl_c_freezes_the_jobs_and_the_same_command_continues_them => engine_ctrl_c_freezes_the_jobs_and_the_same_command_continues_them,
    a_killed_run_goes_on_and_runs_nothing_twice => engine_a_killed_run_goes_on_and_runs_nothing_twice,
    a_script_that_the_bundle_brings_judges_in_a_container => engine_a_script_that_the_bundle_brings_judges_in_a_container,
    a_script_that_the_bundle_brings_takes_results_in_a_container => engine_a_script_that_the_bundle_brings_takes_results_in_a_container,
    arguments_arrive_as_they_were_written => engine_arguments_arrive_as_they_were_written,
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn replicas_that_agree_are_collected(engine: Engine) {
    let bench = Bench::new(engine, PAIR);
    bench.jobs(&[("one", "echo 1 > out.txt"), ("two", "echo 2 > out.txt")]);
    assert_code(&bench.run(), 0);
    assert_eq!(bench.read("results/one/out.txt"), "1\n");
    assert_eq!(bench.read("results/two/out.txt"), "2\n");
    assert_eq!(bench.table()["one"]["results"], "2");
    bench.assert_nothing_left();
}

/// The shells of these images run what busybox has.
const JUDGE: &str = r#"
[ "$BUOY_PURPOSE" = compare ] || exit 1
[ "$(ls /sys/class/net)" = lo ] || { echo there is a network; exit 10; }
echo x 2>/dev/null >> "$1" && { echo outputs can be changed; exit 10; }
echo x 2>/dev/null > /buoy/x && { echo the own directory can be changed; exit 10; }
grep -q '"purpose":"compare"' "$BUOY_CALL" || exit 1
[ -e /app/busybox ] && exit 1
read a < "$1"; read b < "$2"
[ "${#a}" = "${#b}" ] && exit 0
echo "${#a} against ${#b} letters"; exit 10
"#;

fn a_script_that_the_bundle_brings_judges_in_a_container(engine: Engine) {
    let image = "buoy-test-judge:latest";
    let bench = Bench::new(
        engine,
        &format!(
            "{PAIR}max_success = 2\n[script]\ncompare = [\"/bin/sh\", \"/buoy/judge.sh\"]\nimage = \"{image}\"\nfiles = [\"judge.sh\"]\n"
        ),
    );
    std::fs::write(bench.path("judge.sh"), JUDGE).unwrap();
    bench.image(image);
    bench.jobs(&[("same-length", "cat /proc/sys/kernel/random/uuid > out.txt")]);
    let output = bench.run();
    let said = String::from_utf8_lossy(&output.stderr);
    let table = bench.table();
    assert_eq!(table["same-length"]["state"], "done", "{said}\n{}", bench.read("results/.buoy/daemons.log"));
    assert_eq!(bench.read("results/same-length/out.txt").len(), 37);
    let left = engine.lines(&["ps", "--all", "--format", "{{.Names}}"]);
    assert!(!left.iter().any(|name| name.starts_with("buoy-script-")), "{left:?}");
    bench.assert_nothing_left();
}

const TAKE: &str = r#"
[ "$BUOY_PURPOSE" = assimilate ] && [ "$BUOY_EXTRA_DIR" = /extra ] || exit 1
echo x 2>/dev/null > /extra/other && exit 1
echo x 2>/dev/null >> "$2" && exit 1
wc -c < "$2" > /extra/size.txt
"#;

fn a_script_that_the_bundle_brings_takes_results_in_a_container(engine: Engine) {
    let image = "buoy-test-take:latest";
    let script =
        "assimilate = [\"/bin/sh\", \"/buoy/take.sh\"]\nextra_outputs = [\"size.txt\", \"unused.txt\"]";
    let bench = Bench::new(
        engine,
        &format!("{PAIR}[script]\n{script}\nimage = \"{image}\"\nfiles = [\"take.sh\"]\n"),
    );
    std::fs::write(bench.path("take.sh"), TAKE).unwrap();
    bench.image(image);
    bench.jobs(&[("one", "echo 12345 > out.txt"), ("fails", "exit 3")]);
    let output = bench.run();
    let log = || bench.read("results/.buoy/daemons.log");
    assert_eq!(output.status.code(), Some(1), "{}\n{}", String::from_utf8_lossy(&output.stderr), log());
    // It is promised a result: of a workunit that failed it is told nothing.
    assert!(!log().contains("stays in the spool"), "{}", log());
    assert_eq!(bench.read("results/one/size.txt").trim(), "6", "{}", log());
    assert!(!bench.path("results/one/unused.txt").exists());
    bench.assert_nothing_left();
}

fn a_failure_shows_its_exit_status_and_its_log(engine: Engine) {
    let bench = Bench::new(engine, PAIR);
    bench.jobs(&[("bad", "echo cannot open ligand >&2; exit 3"), ("good", "echo x > out.txt")]);
    let output = bench.run();
    assert_code(&output, 1);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("bad: failed: exit 3 in engine-test"), "{said}");
    assert!(said.contains("    | cannot open ligand"), "{said}");
    assert_eq!(bench.table()["good"]["state"], "done");
    bench.assert_nothing_left();
}

fn ctrl_c_freezes_the_jobs_and_the_same_command_continues_them(engine: Engine) {
    let bench = Bench::new(engine, SINGLE);
    let script = "echo x >> begun; sleep 4; wc -l < begun > out.txt";
    bench.jobs(&[("one", script), ("two", script)]);
    let child = bench.buoy().spawn().unwrap();
    let begun = |slot: u32| bench.path(&format!("results/.buoy/client/slots/{slot}/buoy/work/begun"));
    wait_until("both jobs run", || begun(0).exists() && begun(1).exists());
    signal(&child, "INT");
    assert_code(&child.wait_with_output().unwrap(), 130);
    assert_eq!(bench.table()["one"]["state"], "in_progress");
    for container in bench.containers() {
        let status = engine.lines(&["container", "inspect", "--format", "{{.State.Status}}", &container]);
        assert_eq!(status, ["paused"], "{container}");
    }
    assert_code(&bench.run(), 0);
    for name in ["one", "two"] {
        assert_eq!(bench.read(&format!("results/{name}/out.txt")).trim(), "1", "{name} was begun once");
    }
    bench.assert_nothing_left();
}

fn a_killed_run_goes_on_and_runs_nothing_twice(engine: Engine) {
    let bench = Bench::new(engine, SINGLE);
    // A job writes when it began: a second start in the same work directory would show.
    let script = "cat /proc/uptime >> begun; sleep 1; wc -l < begun > out.txt";
    let names: Vec<String> = (0..6).map(|n| format!("j{n}")).collect();
    let jobs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), script)).collect();
    bench.jobs(&jobs);
    // Moments from the build of the image to the middle of the jobs.
    for milliseconds in [150, 700, 1300, 1900] {
        let mut child = bench.buoy().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        signal(&child, "KILL");
        child.wait().unwrap();
    }
    assert_code(&bench.run(), 0);
    for name in &names {
        assert_eq!(bench.read(&format!("results/{name}/out.txt")).trim(), "1", "{name} was begun once");
    }
    bench.assert_nothing_left();
}

fn arguments_arrive_as_they_were_written(engine: Engine) {
    let bench = Bench::new(engine, SINGLE);
    bench.jobs(&[("quotes", "printf '%s' \"a  b\\\\ 'c' <$((1+1))>\" > out.txt")]);
    assert_code(&bench.run(), 0);
    assert_eq!(bench.read("results/quotes/out.txt"), "a  b\\ 'c' <2>");
}

//! How results end.

use super::support::{Bench, assert_code, stderr};

const SINGLE: &str = "[replication]\nquorum = 1\nmax_errors = 1\n";

#[test]
fn a_job_that_writes_its_output_is_collected() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=hello log:fine")]);
    let output = bench.run(&[]);
    assert_code(&output, 0);
    assert_eq!(bench.read("results/one/out.txt"), "hello");
    assert!(bench.read("results/one/stderr.txt").contains("fine"));
    let row = &bench.table()["one"];
    assert_eq!((row["state"].as_str(), row["out.txt"].as_str()), ("done", "one/out.txt"));
    bench.assert_no_slot();
}

#[test]
fn a_finished_job_is_not_run_again() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=hello")]);
    assert_code(&bench.run(&[]), 0);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.traced("start"), 1);
}

#[test]
fn a_failed_job_is_told_with_its_log_and_the_rest_goes_on() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("bad", "log:cannot_open_ligand exit:3"), ("good", "out:out.txt=x")]);
    let output = bench.run(&[]);
    assert_code(&output, 1);
    let said = stderr(&output);
    assert!(said.contains("bad: failed: exit 3 in fake"), "{said}");
    assert!(said.contains("    cannot_open_ligand"), "{said}");
    let table = bench.table();
    assert_eq!(table["bad"]["exit_status"], "3");
    assert_eq!(table["bad"]["results"], "2", "one error is allowed");
    assert_eq!(table["good"]["state"], "done");
    bench.assert_no_slot();
}

#[test]
fn a_failed_job_is_tried_anew_only_if_asked_for() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("bad", "exit:3")]);
    assert_code(&bench.run(&[]), 1);
    let again = bench.run(&[]);
    assert_code(&again, 1);
    let said = stderr(&again);
    let expected = "note: 1 job failed in an earlier run and will not run again, first bad: exit 3 in fake";
    assert!(said.contains(expected) && said.contains("; run with --retry to repeat them"), "{said}");
    assert_eq!(bench.traced("start"), 2);
    assert_code(&bench.run(&["--retry"]), 1);
    assert_eq!(bench.traced("start"), 4);
    assert_eq!(bench.traced("start fake-"), 4);
}

#[test]
fn premature_exits_and_kills_from_outside_are_restarts_in_the_same_slot() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("leaves", "premature:3 out:out.txt=x"), ("killed", "kill:9:2 out:out.txt=y")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.traced("start"), 4 + 3);
    assert_eq!(bench.traced("work"), 2);
}

#[test]
fn a_temporary_exit_is_tried_again_and_given_up_with_its_reason() {
    let bench = Bench::new("[replication]\nquorum = 1\nmax_errors = 1\n");
    bench.jobs(&[("later", "postpone:2:busy out:out.txt=x"), ("never", "postpone:99:no_engine")]);
    let output = bench.run(&[]);
    assert_code(&output, 1);
    let table = bench.table();
    assert_eq!(table["later"]["state"], "done");
    assert_eq!(table["never"]["exit_status"], "-226");
    assert!(table["never"]["cause"].contains("no_engine"), "{}", table["never"]["cause"]);
    assert!(stderr(&output).contains("postponed: busy"), "{}", stderr(&output));
}

#[test]
fn a_crash_of_the_wrapper_is_an_error() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("crash", "kill:6:99")]);
    assert_code(&bench.run(&[]), 1);
    assert_eq!(bench.table()["crash"]["exit_status"], "6");
}

#[test]
fn a_missing_output_and_one_over_its_size_are_errors() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("missing", "log:nothing"), ("large", "out:out.txt=12345678901")]);
    assert_code(&bench.run(&[]), 1);
    let table = bench.table();
    assert!(table["missing"]["cause"].starts_with("output out.txt was not written"));
    assert!(table["large"]["cause"].starts_with("output out.txt has 11 bytes, max_size allows 10"));
}

#[test]
fn a_kept_slot_stays() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    assert_code(&bench.run(&["--keep"]), 0);
    let kept: Vec<_> = std::fs::read_dir(bench.path("results/.buoy/kept")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].as_ref().unwrap().path().join("init_data.xml").exists());
    bench.assert_no_slot();
}

#[test]
fn a_changed_plan_is_refused_or_taken_up() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    assert_code(&bench.run(&[]), 0);

    bench.jobs(&[("one", "out:out.txt=other")]);
    let output = bench.run(&[]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("arguments or inputs of 1 jobs have changed"), "{}", stderr(&output));

    bench.jobs(&[("one", "out:out.txt=x"), ("two", "out:out.txt=y")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.traced("start"), 2, "only the new one was run");

    bench.jobs(&[("two", "out:out.txt=y")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.table()["one"]["state"], "done", "its results stay");

    bench.write("run.sh", "#!/bin/sh\necho changed\n");
    let output = bench.run(&[]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("it has results of bundle"), "{}", stderr(&output));
}

#[test]
fn what_the_policy_refuses_is_said_before_anything_is_run() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    let app = bench.read("app.toml").replace("[resources]", "[resources]\nnetwork = true");
    bench.write("app.toml", &app);
    let output = bench.run(&[]);
    assert_code(&output, 2);
    insta::assert_snapshot!(stderr(&output), @"error: failed to run app.toml: job.toml asks for network = true: the app version has no policy.toml, so workunits have network = false; if your project allows it, pass its policy.toml with --policy");
    bench.write("policy.toml", "netwrok = true\n");
    let output = bench.run(&["--policy", "policy.toml"]);
    assert_code(&output, 2);
    insta::assert_snapshot!(stderr(&output), @r#"
    error: invalid policy policy.toml
      cause: policy.toml:1:1: unknown key "netwrok"; accepted: network, ports, builds, runtime, build_network, gpu, mounts, pids, cpus, create_args, project_dir, max_files and 7 more; help: did you mean "network"?
    "#);
    assert_code(&bench.run(&["--policy", "nowhere.toml"]), 2);
    assert!(!bench.path("results").exists());
    bench.write("policy.toml", "network = true\n");
    assert_code(&bench.run(&["--policy", "policy.toml"]), 0);
}

#[test]
fn a_refused_plan_is_not_what_the_campaign_is() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    std::fs::create_dir_all(bench.path("results/one")).unwrap();
    assert_code(&bench.run(&[]), 2);
    std::fs::remove_dir(bench.path("results/one")).unwrap();
    bench.write("run.sh", "#!/bin/sh\necho changed\n");
    assert_code(&bench.run(&[]), 0);
}

#[test]
fn files_of_others_in_the_results_directory_are_not_touched() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x"), ("two", "out:out.txt=y")]);
    std::fs::create_dir_all(bench.path("results/one")).unwrap();
    bench.write("results/one/out.txt", "precious");
    let output = bench.run(&[]);
    assert_code(&output, 2);
    let said = stderr(&output);
    assert!(said.contains("results/one: it exists and is not from this campaign"), "{said}");
    assert!(said.contains("--out"), "{said}");
    assert_eq!(bench.read("results/one/out.txt"), "precious");
    assert_eq!(bench.traced("start"), 0);
}

#[test]
fn results_that_were_deleted_are_missed_and_made_again_if_asked_for() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x"), ("two", "out:out.txt=y")]);
    assert_code(&bench.run(&[]), 0);
    std::fs::remove_dir_all(bench.path("results/one")).unwrap();
    let output = bench.run(&[]);
    assert_code(&output, 0);
    assert!(
        stderr(&output)
            .contains("outputs of 1 finished job have been deleted, first of one; run again with --retry"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bench.traced("start"), 2);
    assert_code(&bench.run(&["--retry"]), 0);
    assert_eq!(bench.read("results/one/out.txt"), "x");
    assert_eq!(bench.traced("start"), 3, "the other one stays");
}

#[test]
fn the_results_directory_holds_a_directory_for_each_job_and_the_table() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("bad", "exit:3"), ("good", "out:out.txt=x")]);
    assert_code(&bench.run(&[]), 1);
    let entries = std::fs::read_dir(bench.path("results")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".buoy", "bad", "good", "results.csv"]);
}

#[test]
fn json_tells_each_step_in_a_line() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    let output = bench.run(&["--json"]);
    assert_code(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["started", "result_started", "result_exited", "result_finished", "job_finished", "finished"]
    );
    assert_eq!(events[5]["jobs"]["done"], 1);
}

#[test]
fn a_job_over_its_disk_bound_is_aborted() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("large", "fill:10000001 sleep:60000 out:out.txt=x")]);
    assert_code(&bench.run(&[]), 1);
    let row = &bench.table()["large"];
    assert_eq!(row["exit_status"], "196");
    assert!(row["cause"] == "over the disk limit of 10 MB (196)", "{}", row["cause"]);
    assert_eq!(bench.traced("told to leave"), 2);
}

#[test]
fn without_an_engine_nothing_is_started_and_the_way_out_is_said() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    std::fs::remove_file(bench.path("bin/docker")).unwrap();
    let mut buoy = bench.buoy();
    let output = buoy.args(["run", ".", "jobs.csv"]).env("PATH", bench.path("bin")).output().unwrap();
    assert_code(&output, 3);
    let said = stderr(&output);
    assert!(
        said.contains(
            "failed to run docker: it is not installed; install it (Debian: apt-get install docker.io)"
        ),
        "{said}"
    );
    assert!(said.contains("failed to run podman: it is not installed"), "{said}");
    assert!(!bench.path("results").exists());
}

#[test]
fn a_directory_with_spaces_and_shell_characters_is_fine() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("one", "out:out.txt=x")]);
    assert_code(&bench.run(&["--out", "my $(results) & more"]), 0);
    assert_eq!(bench.read("my $(results) & more/one/out.txt"), "x");
}

#[test]
fn status_logs_and_fetch_tell_of_a_campaign() {
    let bench = Bench::new(SINGLE);
    bench.jobs(&[("good", "out:out.txt=x log:all_well"), ("bad", "exit:3")]);
    assert_code(&bench.run(&[]), 1);
    let stdout = |arguments: &[&str]| {
        let output = bench.buoy().args(arguments).output().unwrap();
        assert_code(&output, 0);
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!(stdout(&["status"]), @r"
    fake, batch jobs, on this host: 2 jobs: 1 done, 1 failed
    failed   1 job: exit 3 in fake; buoy logs bad
    ");
    assert_eq!(stdout(&["logs", "good"]), "all_well\n");
    stdout(&["fetch", "--to", "copy"]);
    assert_eq!(bench.read("copy/good/out.txt"), "x");
    assert!(bench.read("copy/results.csv").contains("bad,failed"));

    stdout(&["fetch", "--to", "copy"]);
    let output = bench.buoy().args(["fetch", "--to", "results"]).output().unwrap();
    assert_code(&output, 0);
    assert!(
        stderr(&output).contains("0 jobs to fetch to results; 1 fetched before; 1 not done"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bench.read("results/good/out.txt"), "x");

    std::fs::remove_file(bench.path("results/good/out.txt")).unwrap();
    let output = bench.buoy().args(["fetch", "--to", "another"]).output().unwrap();
    assert_code(&output, 3);
    let said = stderr(&output);
    assert!(said.contains("[1/1] good: its outputs are no longer in the directory of results"), "{said}");
    assert!(said.contains("help: buoy run --retry makes them again"), "{said}");
    assert!(!bench.path("another/good").exists());

    let output = bench.buoy().args(["logs", "goood"]).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("did you mean good?"), "{}", stderr(&output));
}

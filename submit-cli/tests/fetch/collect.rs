//! What is fetched, and with how many requests.

use emulated_project::Report;
use submit_cli::campaign::job_view::JobState;

use crate::support::{Bench, Outputs, Told, expected, files, outputs, poses, workunit};

#[test]
fn new_and_finished_jobs_are_fetched_once() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    bench.finish(&["a", "c"]);
    let outcome = bench.fetch().unwrap();
    assert_eq!((outcome.fetched, outcome.missing, outcome.remaining), (2, 0, 0));
    assert_eq!(outputs(bench.files()), expected(&["a", "c"]));
    assert_eq!(bench.noted(), ["a", "c"]);
    assert_eq!(bench.parts(), 0);

    bench.project.requests().clear();
    assert_eq!(bench.fetch().unwrap().fetched, 0);
    assert_eq!(bench.project.requests().count("get_output"), 0, "nothing is fetched twice");

    bench.finish(&["b"]);
    let mut told = Told::default();
    bench.fetch_with(&bench.options(), &mut told).unwrap();
    assert_eq!(told.fetched, ["b"]);
    assert_eq!(outputs(bench.files()), expected(&["a", "b", "c"]));
    bench.project.requests().clear();
    bench.fetch().unwrap();
    assert_eq!(bench.project.requests().len(), 0, "when all is here, nobody is asked");
}

#[test]
fn the_table_and_the_campaign_file_tell_of_each_job() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    bench.finish(&["b"]);
    bench.project.fail_instance(&workunit("c"), 139, "Segmentation fault").unwrap();
    let outcome = bench.fetch().unwrap();
    let table = std::fs::read_to_string(outcome.table).unwrap();
    insta::assert_snapshot!(table, @r"
    job,state,attempt,workunit,results,exit_status,cause_kind,cause,elapsed_seconds,cpu_seconds,memory_bytes,host,started,poses.txt,log.txt
    a,unsent,0,dock-1f2e__screen__a,,,,,,,,,,,
    b,done,0,dock-1f2e__screen__b,,0,,,63.250,61.500,,,,b/poses.txt,b/log.txt
    c,unsent,0,dock-1f2e__screen__c,,,,,,,,,,,
    ");
    let row = bench.campaign.attempts("b").unwrap().pop().unwrap();
    assert_eq!((row.state, row.elapsed_seconds, row.cpu_seconds), (JobState::Done, Some(63.25), Some(61.5)));
    let log = String::from_utf8(bench.files().remove("b/stderr.txt").unwrap()).unwrap();
    assert!(log.contains("docked <well>"), "{log}");
}

#[test]
fn a_job_costs_two_requests_and_a_batch_one() {
    let names: Vec<String> = (0..24).map(|n| format!("job{n}")).collect();
    let jobs: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&jobs);
    bench.finish(&jobs);
    assert_eq!(bench.fetch().unwrap().fetched, 24);
    let requests = bench.project.requests();
    assert_eq!(
        ["query_batch", "get_output", "query_completed_job", "query_job"].map(|verb| requests.count(verb)),
        [1, 24, 24, 0]
    );
    assert!(requests.peak() <= 4, "no more at a time than was said");
}

#[test]
fn jobs_that_may_write_much_come_file_by_file() {
    let mut bench = Bench::with(&["a", "b"], Outputs::Kept, 1 << 30);
    bench.finish(&["a", "b"]);
    assert_eq!(bench.fetch().unwrap().fetched, 2);
    assert_eq!(outputs(bench.files()), expected(&["a", "b"]));
    let requests = bench.project.requests();
    assert_eq!((requests.count("query_job"), requests.count("get_output")), (2, 4));
}

#[test]
fn an_optional_output_may_be_missing() {
    for max_bytes in [1 << 20, 1 << 30] {
        let mut bench = Bench::with(&["a", "b"], Outputs::Kept, max_bytes);
        bench.finish(&["a"]);
        let report = Report { outputs: vec![Some(poses("b")), None], ..Report::default() };
        bench.project.finish_job(&workunit("b"), report).unwrap();
        let outcome = bench.fetch().unwrap();
        assert_eq!((outcome.fetched, outcome.missing), (2, 0));
        let mut expected = expected(&["a", "b"]);
        expected.remove("b/log.txt");
        assert_eq!(outputs(bench.files()), expected);
        assert_eq!(bench.parts(), 0);
    }
}

#[test]
fn an_empty_output_is_a_file() {
    for max_bytes in [1 << 20, 1 << 30] {
        let mut bench = Bench::with(&["a"], Outputs::Kept, max_bytes);
        bench.project.finish_job(&workunit("a"), Report::with_outputs(["", ""])).unwrap();
        assert_eq!(bench.fetch().unwrap().fetched, 1);
        let files = outputs(bench.files());
        assert_eq!(files.values().map(Vec::len).collect::<Vec<_>>(), [0, 0], "{files:?}");
    }
}

#[test]
fn only_named_jobs_are_fetched_and_again_if_they_are_not_here_any_more() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.finish(&["a", "b"]);
    let mut only_b = bench.options();
    only_b.jobs = vec!["b".to_owned()];
    bench.fetch_with(&only_b, &mut Told::default()).unwrap();
    assert_eq!(outputs(bench.files()), expected(&["b"]));
    std::fs::remove_dir_all(bench.results().join("b")).unwrap();
    assert_eq!(
        bench.fetch().unwrap().fetched,
        1,
        "what the submitter moved away does not come back by itself"
    );
    assert_eq!(outputs(bench.files()), expected(&["a"]));
    bench.fetch_with(&only_b, &mut Told::default()).unwrap();
    assert_eq!(outputs(bench.files()), expected(&["a", "b"]));
    only_b.jobs = vec!["bb".to_owned()];
    let error = bench.fetch_with(&only_b, &mut Told::default()).unwrap_err().to_string();
    assert_eq!(error, "no job bb among the 2 of this campaign; did you mean b?");
}

#[test]
fn another_directory_gets_what_is_here_without_a_request_and_the_rest_from_the_server() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.finish(&["a"]);
    bench.fetch().unwrap();
    bench.finish(&["b"]);
    bench.project.requests().clear();
    let mut elsewhere = bench.options();
    elsewhere.to = Some(bench.path("elsewhere"));
    let outcome = bench.fetch_with(&elsewhere, &mut Told::default()).unwrap();
    assert_eq!((outcome.fetched, outcome.table), (2, bench.path("elsewhere/results.csv")));
    assert_eq!(bench.project.requests().count("get_output"), 1);
    assert_eq!(outputs(files(&bench.path("elsewhere"))), expected(&["a", "b"]));
    assert_eq!(bench.fetch_with(&elsewhere, &mut Told::default()).unwrap().fetched, 0);
    assert!(!bench.path("elsewhere/.buoy").exists());
}

#[test]
fn a_stop_ends_copying_to_another_directory() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.finish(&["a", "b"]);
    bench.fetch().unwrap();
    let mut elsewhere = bench.options();
    elsewhere.to = Some(bench.path("elsewhere"));
    let mut told = Told { stop_at_once: true, ..Told::default() };
    let outcome = bench.fetch_with(&elsewhere, &mut told).unwrap();
    assert_eq!((outcome.fetched, outcome.remaining, outcome.interrupted), (0, 2, true));
    assert_eq!(bench.fetch_with(&elsewhere, &mut Told::default()).unwrap().fetched, 2);
}

#[test]
fn the_attempt_that_counts_is_fetched() {
    let mut bench = Bench::new(&["a"]);
    bench.project.fail_instance(&workunit("a"), 139, "").unwrap();
    bench.submit("r1", &["a"], Outputs::Kept);
    let again = workunit("a") + "-r1";
    bench.project.finish_job(&again, Report::with_outputs(["second", "log"])).unwrap();
    bench.fetch().unwrap();
    assert_eq!(bench.files()["a/poses.txt"], b"second");
    let table = std::fs::read_to_string(bench.results().join("results.csv")).unwrap();
    assert!(table.contains("a,done,1,dock-1f2e__screen__a-r1,,0,"), "{table}");
}

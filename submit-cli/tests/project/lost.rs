//! Requests and replies that are lost, and a server that breaks off.

use emulated_project::{Fault, Gate, Installation, PhpSettings, Settings};
use submit_cli::remote::submission::SubmitError;

use crate::campaign::Bench;

/// The requests of a small campaign.
const VERBS: [&str; 5] = ["query_files", "upload_files", "create_batch", "query_batch", "submit_batch"];

#[test]
fn a_campaign_is_submitted_with_few_requests() {
    let bench = Bench::new(10);
    let counts = bench.submit().unwrap();
    assert_eq!(counts.unsent, 10);
    bench.assert_all_there_once();
    let requests: Vec<String> =
        bench.project.requests().entries().into_iter().map(|entry| entry.verb).collect();
    assert_eq!(
        requests,
        [
            "query_batch",  // Has another process submitted the same?
            "query_files",  // Which files are there?
            "upload_files", // Those that are not.
            "create_batch", //
            "query_batch",  // The oldest of this name.
            "query_files",  // Ties files to the batch.
            "submit_batch", //
            "query_batch",  // Are they there?
        ]
    );
}

#[test]
fn the_same_again_asks_for_nothing() {
    let bench = Bench::new(10);
    bench.submit().unwrap();
    bench.project.requests().clear();
    bench.submit().unwrap();
    assert!(bench.project.requests().is_empty(), "{:?}", bench.project.requests().entries());
    bench.assert_all_there_once();
}

#[test]
fn the_same_from_another_computer_finds_everything_there() {
    let mut bench = Bench::new(10);
    bench.submit().unwrap();
    bench.project.requests().clear();
    bench.results = "elsewhere";
    bench.submit().unwrap();
    let requests = bench.project.requests();
    assert_eq!((requests.count("upload_files"), requests.count("submit_batch")), (0, 0));
    bench.assert_all_there_once();
}

#[test]
fn any_one_request_may_meet_any_fault() {
    type Make = fn() -> Fault;
    let faults: [(&str, Make); 7] = [
        ("lost", || Fault::Lost),
        ("reply lost", || Fault::ReplyLost),
        ("cut in its head", || Fault::CutAfter(20)),
        ("cut in its body", || Fault::CutAfter(260)),
        ("500", || Fault::Status500),
        ("done, then 500", || Fault::ActThenStatus500),
        ("closed", || Fault::ClosedForMaintenance),
    ];
    for display_errors in [true, false] {
        for verb in VERBS {
            for (what, fault) in &faults {
                for number in [1, 2] {
                    let php = PhpSettings { display_errors, ..PhpSettings::default() };
                    let bench = Bench::with(4, Settings { php, ..Settings::default() });
                    bench.project.faults().on(verb, number, fault());
                    bench.submit().unwrap_or_else(|error| panic!("{verb} {number} {what}: {error:?}"));
                    bench.assert_all_there_once();
                }
            }
        }
    }
}

#[test]
fn a_reply_lost_after_part_of_the_jobs_were_made() {
    let bench = Bench::new(1_300);
    bench.project.faults().on("submit_batch", 1, Fault::FailAfterJobs(701));
    bench.submit().unwrap();
    bench.assert_all_there_once();
    assert_eq!(bench.project.requests().count("submit_batch"), 2);
    assert_eq!(bench.project.batches().len(), 1, "the rest went into the same batch");
}

#[test]
fn a_server_that_is_slow_to_act_finds_the_jobs_there_already() {
    let bench = Bench::new(5);
    let gate = Gate::new();
    bench.project.faults().on("submit_batch", 1, Fault::ActLater(gate.clone()));
    bench.submit().unwrap();
    gate.open();
    bench.project.faults().clear();
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn a_batch_made_late_is_not_made_twice() {
    let bench = Bench::new(5);
    let gate = Gate::new();
    bench.project.faults().on("create_batch", 1, Fault::ActLater(gate.clone()));
    bench.submit().unwrap();
    bench.assert_all_there_once();
    gate.open();
}

#[test]
fn a_project_that_stays_closed_is_left_alone_and_gone_on_with_later() {
    let bench = Bench::new(5);
    bench.project.set_closed(true);
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::GaveUp { tries: 8, .. }), "{error:?}");
    bench.project.set_closed(false);
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn a_file_that_goes_from_the_server_before_the_jobs_are_made_is_sent_again() {
    let bench = Bench::new(5);
    bench.submit().unwrap();
    let names = bench.project.files();
    // The second round needs files that were there a moment ago.
    bench.jobs(9);
    assert!(bench.project.remove_download_file(&names[0]));
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn jobs_that_a_longer_table_adds_are_submitted_alone() {
    let bench = Bench::new(5);
    bench.submit().unwrap();
    bench.jobs(8);
    bench.submit().unwrap();
    bench.assert_all_there_once();
    assert_eq!(bench.project.batches().len(), 2);
}

#[test]
fn a_project_without_the_table_for_ties_takes_jobs_all_the_same() {
    let settings = Settings { installation: Installation::WithoutAssociations, ..Settings::default() };
    let bench = Bench::with(5, settings);
    bench.submit().unwrap();
    assert_eq!(bench.project.workunit_count(), 5);
}

#[test]
fn a_job_name_that_the_project_has_from_elsewhere_is_said() {
    let mut bench = Bench::new(3);
    bench.submit().unwrap();
    // The same names with another input: another campaign that was called the same.
    bench.results = "other";
    bench.write("l1.pdbqt", "another ligand\n");
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::ForeignWorkunit { .. }), "{error:?}");
    assert!(error.to_string().contains("--name"), "{error}");
    assert_eq!(bench.project.workunit_count(), 3);
}

#[test]
fn a_job_whose_only_argument_is_0_keeps_it() {
    // PHP takes the text "0" for none.
    let bench = Bench::new(2);
    let app = std::fs::read_to_string(bench.path("app.toml")).unwrap();
    bench.write("app.toml", &app.replace("--ligand ligand.pdbqt --seed {seed}", "{seed}"));
    bench.submit().unwrap();
    bench.assert_all_there_once();
    let lines: Vec<String> =
        bench.project.workunits().into_iter().map(|workunit| workunit.command_line).collect();
    assert!(lines.contains(&"1".to_owned()) && !lines.contains(&String::new()), "{lines:?}");
}

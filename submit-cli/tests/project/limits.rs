//! What a project's web server takes in one request is learned from its refusals.

use std::time::Duration;

use emulated_project::{Fault, PhpSettings, Settings};
use submit_cli::remote::submission::SubmitError;
use submit_cli::remote::submission::limits::ServerLimits;

use crate::campaign::Bench;

fn limited(jobs: usize, change: impl FnOnce(&mut PhpSettings)) -> Bench {
    let mut php = PhpSettings::default();
    change(&mut php);
    Bench::with(jobs, Settings { php, ..Settings::default() })
}

#[test]
fn uploads_are_as_full_as_the_server_takes_and_several_at_a_time() {
    let bench = Bench::new(600);
    // Slow enough for the others to begin.
    bench.project.faults().with(|arrival| match arrival.verb.as_str() {
        "upload_files" => Fault::Slow(Duration::from_millis(30)),
        _ => Fault::None,
    });
    bench.submit().unwrap();
    bench.assert_all_there_once();
    let files = bench.project.files().len();
    // One refusal tells that 20 files are taken; then each request has 20.
    assert_eq!(bench.project.requests().count("upload_files"), 1 + files.div_ceil(20));
    assert!(bench.project.requests().peak_of("upload_files") >= 4);
    assert_eq!(ServerLimits::of(&bench.campaign()).unwrap().files, 20);
}

#[test]
fn a_campaign_that_does_not_fit_one_request_is_split() {
    let bench = limited(200, |php| php.post_max_size = 100_000);
    bench.submit().unwrap();
    bench.assert_all_there_once();
    assert!(bench.project.batches().iter().filter(|batch| batch.njobs > 0).count() > 1);
}

#[test]
fn batches_hold_no_more_jobs_than_was_asked_for() {
    let mut bench = Bench::new(25);
    bench.options.batch_jobs = 10;
    bench.submit().unwrap();
    bench.assert_all_there_once();
    let jobs: Vec<usize> = bench.project.batches().iter().map(|batch| batch.njobs).collect();
    assert_eq!(jobs, [10, 10, 5]);
}

#[test]
fn a_file_that_no_request_can_carry_is_named() {
    let bench = limited(2, |php| php.upload_max_filesize = 1_000);
    bench.write("receptor.pdbqt", &"x".repeat(2_000));
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::FileTooLarge { bytes: 2_000, .. }), "{error:?}");
    assert!(error.to_string().contains("receptor.pdbqt"), "{error}");
    assert_eq!(bench.project.workunit_count(), 0);
}

#[test]
fn a_job_that_no_request_can_carry_is_named() {
    let bench = limited(2, |php| php.post_max_size = 1_500);
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::JobTooLarge { .. }), "{error:?}");
}

#[test]
fn a_file_that_changed_since_it_was_checked_is_not_sent() {
    let bench = Bench::new(3);
    let plan = bench.plan();
    // Between the check and the upload: the hash is taken, and then the file is another.
    let submission_plan = submit_cli::remote::submission::submission_plan::SubmissionPlan::new(
        &plan,
        &bench.entry,
        &submit_cli::package::template::Templates::default(),
        1.0,
    )
    .unwrap();
    let results = bench.path(bench.results);
    let mut campaign = bench.campaign();
    submit_cli::remote::submission::prepare(&mut campaign, &submission_plan, &results).unwrap();
    bench.write("l1.pdbqt", "ligand X\n");
    let error = submit_cli::remote::submission::resume(
        &mut campaign,
        &bench.client,
        &bench.clock,
        &submit_cli::campaign::event::Silent,
        &bench.options,
    )
    .unwrap_err();
    assert!(matches!(error, SubmitError::FileChanged { .. }), "{error:?}");
    assert_eq!(bench.project.workunit_count(), 0);
    drop(campaign);
    bench.write("l1.pdbqt", "ligand 1\n");
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

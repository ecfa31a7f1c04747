//! Several submissions of one campaign at once.

use std::thread;

use submit_cli::campaign::event::Silent;
use submit_cli::campaign::{Campaign, CampaignError};
use submit_cli::package::template::Templates;
use submit_cli::remote::submission::SubmitError;
use submit_cli::remote::submission::submission_plan::SubmissionPlan;

use crate::campaign::Bench;

#[test]
fn a_second_submission_of_one_campaign_is_refused() {
    let bench = Bench::new(3);
    let first = bench.campaign();
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::Campaign(CampaignError::Busy { .. })), "{error:?}");
    drop(first);
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn two_computers_submit_the_same_and_each_job_is_made_once() {
    let mut bench = Bench::new(400);
    bench.options.batch_jobs = 150;
    let plan = bench.plan();
    thread::scope(|scope| {
        for name in ["one", "two", "three"] {
            let (bench, plan) = (&bench, &plan);
            scope.spawn(move || {
                let submission_plan =
                    SubmissionPlan::new(plan, &bench.entry, &Templates::default(), 1.0).unwrap();
                let results = bench.path(name);
                let mut campaign = Campaign::open_for_run(&results).unwrap();
                submit_cli::remote::submission::prepare(&mut campaign, &submission_plan, &results).unwrap();
                let mut options = bench.options.clone();
                options.staging = results.join("sending");
                submit_cli::remote::submission::resume(
                    &mut campaign,
                    &bench.client,
                    &bench.clock,
                    &Silent,
                    &options,
                )
                .unwrap();
            });
        }
    });
    for name in ["one", "two", "three"] {
        bench.results = name;
        bench.assert_all_there_once();
    }
}

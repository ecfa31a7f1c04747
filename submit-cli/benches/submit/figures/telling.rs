//! `buoy status --offline` of a large campaign, from its file alone.

use submit_cli::campaign::Campaign;
use submit_cli::campaign::cause::{Cause, CauseKind};
use submit_cli::campaign::job_view::JobState;
use submit_cli::campaign::submitted::{Change, NewWorkunit, Verdict};
use submit_cli::package::template::Templates;
use submit_cli::remote::submission::{self, submission_plan::SubmissionPlan};

use crate::campaign::Bench;
use crate::process::buoy;
use crate::run::Row;

const JOBS: usize = 100_000;

pub fn measure() -> Vec<Row> {
    let bench = Bench::new(2);
    let plan = bench.plan();
    let mut submission_plan = SubmissionPlan::new(&plan, &bench.entry, &Templates::default(), 1.0).unwrap();
    let first = submission_plan.workunits[0].clone();
    let workunit = |n: usize| NewWorkunit {
        job: format!("job-{n}"),
        name: format!("{}-{n}", first.name),
        ..first.clone()
    };
    submission_plan.workunits = (0..JOBS).map(workunit).collect();
    let results = bench.path("results");
    let mut campaign = Campaign::open_for_run(&results).unwrap();
    submission::prepare(&mut campaign, &submission_plan, &results).unwrap();
    let states = [JobState::Done, JobState::InProgress, JobState::Failed];
    let state = |n: usize| states[n % 10 / 4];
    let changes: Vec<Change> = (0..JOBS)
        .map(|n| Change { name: submission_plan.workunits[n].name.clone(), state: state(n) })
        .collect();
    campaign.note_changes(&changes, 1.0).unwrap();
    let verdicts: Vec<Verdict> = (0..JOBS)
        .filter(|n| state(*n) == JobState::Failed)
        .map(|n| Verdict {
            name: submission_plan.workunits[n].name.clone(),
            cause: Some(Cause {
                kind: CauseKind::Signal,
                exit_status: Some(130 + (n % 7) as i32),
                text: format!("exit {} in dock", 130 + n % 7),
            }),
            ..Verdict::default()
        })
        .collect();
    campaign.note_verdicts(&verdicts).unwrap();
    drop(campaign);
    let runs = buoy(9, &bench.path(""), &["status", "--out", "results", "--offline"]);
    assert!(runs[0].said.contains("100000"), "{}", runs[0].said);
    let median = runs[4].seconds;
    vec![Row::new(
        format!("`buoy status` of {JOBS} jobs from the campaign file"),
        format!("p50 {:.0} ms, max {:.0} ms", median * 1e3, runs[8].seconds * 1e3),
        "≤ 100 ms",
        median <= 0.1,
    )]
}

//! What a poll of a large campaign costs: the request for what changed, read and folded into the campaign file.

use std::time::Instant;

use emulated_project::Settings;
use submit_cli::remote::follow::poll::{Eagerness, poll};

use crate::campaign::Bench;
use crate::run::Row;

const JOBS: usize = 10_000;
const CHANGED: usize = 1_000;

pub fn measure() -> Vec<Row> {
    let bench = Bench::with(JOBS, Settings::default());
    bench.submit().unwrap();
    let mut campaign = bench.campaign();
    let mut now = 1_700_000_000.0;
    poll(&mut campaign, &bench.client, now, Eagerness::Sparing).unwrap();
    let names = bench.project.workunit_names();
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let mut requests = 0;
    for some in names.chunks(CHANGED).take(7) {
        for (seconds, changes) in [(&mut quiet, false), (&mut busy, true)] {
            // Past the time from which the server is asked, so that old changes are not told again.
            bench.project.clock().advance(60.0);
            now += 60.0;
            if changes {
                some.iter().for_each(|name| drop(bench.project.send_out(name).unwrap()));
            }
            bench.project.requests().clear();
            let began = Instant::now();
            poll(&mut campaign, &bench.client, now, Eagerness::Sparing).unwrap();
            seconds.push(began.elapsed().as_secs_f64());
            requests = requests.max(bench.project.requests().len());
        }
    }
    let batches = campaign.batches().unwrap().len();
    [("nothing", &mut quiet), ("1,000 jobs", &mut busy)]
        .map(|(what, seconds)| {
            seconds.sort_by(f64::total_cmp);
            let median = seconds[seconds.len() / 2];
            Row::new(
                format!("a poll of {JOBS} jobs when {what} changed, the emulated server's time included"),
                format!("p50 {:.0} ms; {requests} requests for {batches} batches", median * 1e3),
                "1 request a batch, ≤ 50 ms on our side",
                median <= 0.05 && requests <= batches,
            )
        })
        .into()
}

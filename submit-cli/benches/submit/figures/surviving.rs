//! Random campaigns with faults at random requests: each asserts that each job is there once.

use std::time::Instant;

use crate::random;
use crate::run::Row;

const CAMPAIGNS: u64 = 1_000;
/// Other seeds than the tests'.
const FIRST: u64 = 10_001;

pub fn measure() -> Vec<Row> {
    let began = Instant::now();
    (FIRST..FIRST + CAMPAIGNS).for_each(random::campaign);
    vec![Row::new(
        "random campaigns with a fault at every second to tenth request, kills, lost campaign files",
        format!("{CAMPAIGNS}: 0 jobs lost, 0 twice; {:.0} s", began.elapsed().as_secs_f64()),
        "exactly N jobs, 0 lost, 0 twice",
        true,
    )]
}

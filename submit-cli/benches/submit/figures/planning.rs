//! Expand, check and pack, as `buoy submit --dry-run` does, without a request.

use std::fmt::Write as _;

use crate::campaign::Bench;
use crate::process::buoy;
use crate::run::Row;

const LIGANDS: usize = 100;

pub fn measure() -> Vec<Row> {
    [(10_000, 5, "≤ 0.5 s, ≤ 100 MB", 0.5, 100.0), (100_000, 3, "≤ 5 s, ≤ 500 MB", 5.0, 500.0)]
        .map(|(jobs, times, bar, seconds, megabytes)| {
            let bench = Bench::new(LIGANDS * 2);
            bench.log_in();
            let mut table = "job,ligand,seed\n".to_owned();
            for n in 0..jobs {
                // Every third of the bench's own jobs has the input of the one before.
                writeln!(table, "job-{n},l{}.pdbqt,{n}", n % LIGANDS / 3 * 3).unwrap();
            }
            bench.write("jobs.csv", &table);
            let runs = buoy(times, &bench.path(""), &["submit", ".", "jobs.csv", "--dry-run"]);
            assert!(runs[0].said.contains("submit_batch"), "{}", runs[0].said);
            let median = runs[times / 2].seconds;
            let peak = runs.iter().map(|run| run.peak_bytes).fold(0.0, f64::max) / 1e6;
            Row::new(
                format!("{jobs} jobs: expand + check + pack (`buoy submit --dry-run`)"),
                format!("p50 {median:.2} s, max {:.2} s; {peak:.0} MB", runs[times - 1].seconds),
                bar,
                median <= seconds && peak <= megabytes,
            )
        })
        .into()
}

//! A large campaign on an emulated project over loopback, and the same command again.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use emulated_project::Fault;

use crate::campaign::Bench;
use crate::run::Row;

const JOBS: usize = 10_000;
/// What a stock server takes in an upload.
const FILES: usize = 20;
/// How long each upload takes besides.
const LATENCY: Duration = Duration::from_millis(20);

pub fn measure() -> Vec<Row> {
    let bench = Bench::new(0);
    let mut table = "job,ligand,seed\n".to_owned();
    for n in 0..JOBS {
        bench.write(&format!("in-{n}.pdbqt"), &format!("ligand {n}\n").repeat(20));
        writeln!(table, "job-{n},in-{n}.pdbqt,{n}").unwrap();
    }
    bench.write("jobs.csv", &table);
    // A network in between: on loopback alone an upload is over before the next one begins.
    bench.project.faults().with(|arrival| match arrival.verb.as_str() {
        "upload_files" => Fault::Slow(LATENCY),
        _ => Fault::None,
    });
    let plan = bench.plan();
    let began = Instant::now();
    bench.submit_plan(&plan).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(bench.project.workunit_count(), JOBS);
    let journal = bench.project.requests();
    let (uploads, peak) = (journal.count("upload_files"), journal.peak_of("upload_files"));
    let (all, batches) = (journal.len() - uploads, bench.project.batches().len());
    // Which batches and which files are there is asked once, in a fixed number of requests.
    let before = 1 + bench.project.files().len().div_ceil(5_000);
    let each = (all - before) as f64 / batches as f64;
    let least = bench.project.files().len().div_ceil(FILES);
    let mut rows = vec![
        Row::new(
            format!("{JOBS} jobs with {JOBS} inputs: requests beside uploads"),
            format!("{all} in all: {before} before, {each:.1} for each of {batches} batches; {seconds:.1} s"),
            "≤ 5 a batch, ≤ 30 in all",
            all <= 30 && each <= 5.0,
        ),
        Row::new(
            "uploads: requests, at once at most",
            format!("{uploads}, {peak}"),
            "as few as 20 files a request allow; ≥ 4",
            // One more finds out what the server takes.
            uploads <= least + 1 && peak >= 4,
        )
        .compared(format!("{least} full ones")),
    ];
    journal.clear();
    let began = Instant::now();
    let plan = bench.plan();
    bench.submit_plan(&plan).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(bench.project.workunit_count(), JOBS);
    rows.push(Row::new(
        "the same again: requests, bytes uploaded, jobs made, time",
        format!("{}, {} B, 0, {seconds:.2} s", journal.len(), journal.bytes_in("upload_files")),
        "0 B, 0 jobs, ≤ 1 s",
        journal.bytes_in("upload_files") == 0 && seconds <= 1.0,
    ));
    rows
}

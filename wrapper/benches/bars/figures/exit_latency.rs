//! How long a result lies about: from the job's last act to the finish file that the client waits for.

use std::fs;

use boinc::wire::finish::FINISH_FILE;

use crate::engine_log::EngineLog;
use crate::raw::RawJob;
use crate::stats::Sample;
use crate::table::Row;
use crate::workbench::{Workbench, await_until, now_seconds, stamps};

const JOBS: usize = 50;
/// After every so many jobs one by the engine alone, so that both meet the same machine.
const RAW_EVERY: usize = 3;
/// At a time.
const LANES: usize = 2;

struct Times {
    start: f64,
    exit: f64,
}

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let log = EngineLog::new(bench.engine);
    bench.warm("exit-latency");
    let mut shown = bench.slot("exit-latency", ["stamp", "1"]);
    shown.path = Some(log.path());
    shown.run().assert_success();
    let raw = RawJob::from_log(bench.engine, &log, bench.dir("exit-latency-raw"));

    let lane = |number: usize| {
        let (mut through_wrapper, mut alone) = (Vec::new(), Vec::new());
        for n in (number..JOBS).step_by(LANES) {
            through_wrapper.push(one_job(bench, n));
            if (n / LANES).is_multiple_of(RAW_EVERY) {
                alone.push(one_raw(&raw, n));
            }
        }
        (through_wrapper, alone)
    };
    let (mut through_wrapper, mut alone) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|number| scope.spawn(move || lane(number))).collect();
        for lane in lanes {
            let (by_wrapper, by_engine) = lane.join().unwrap();
            through_wrapper.extend(by_wrapper);
            alone.extend(by_engine);
        }
    });
    let sample = |times: &[Times], of: fn(&Times) -> f64| Sample::new(times.iter().map(of).collect());
    let exit = sample(&through_wrapper, |times| times.exit);
    let start = sample(&through_wrapper, |times| times.start);
    vec![
        Row::new(
            "job's last act → boinc_finish_called",
            exit.milliseconds(),
            "p50 ≤ 60 ms, p99 ≤ 100 ms",
            exit.median() <= 0.06 && exit.percentile(99.0) <= 0.1,
        )
        .raw(format!("→ `run` returns: {}", sample(&alone, |times| times.exit).milliseconds()))
        .upstream("p50 8.05 s, p95 13.97 s, max 14.23 s"),
        Row::without_bar("wrapper's start → job's first act, image cached", start.milliseconds())
            .raw(format!("`run` → first act: {}", sample(&alone, |times| times.start).milliseconds()))
            .upstream("p50 1.38 s, max 1.50 s"),
    ]
}

/// Lengths that meet every phase of the wrapper's seconds.
fn length_ms(n: usize) -> String {
    (300 + n * 137 % 1_000).to_string()
}

fn one_job(bench: &Workbench, n: usize) -> Times {
    let slot = bench.slot("exit-latency", ["stamp", &length_ms(n)]);
    let began = now_seconds();
    let mut running = slot.start();
    let finish = slot.dir.join(FINISH_FILE);
    await_until("the finish file", || {
        running.take_status();
        fs::symlink_metadata(&finish).is_ok()
    });
    let over = now_seconds();
    running.wait_for_exit();
    running.assert_success();
    let (first, last) = stamps(&slot.dir.join("stamps"));
    Times { start: first - began, exit: over - last }
}

fn one_raw(raw: &RawJob, n: usize) -> Times {
    let began = now_seconds();
    raw.run(n, &["stamp", &length_ms(n)]);
    let over = now_seconds();
    let (first, last) = stamps(&raw.work_dir(n).join("stamps"));
    Times { start: first - began, exit: over - last }
}

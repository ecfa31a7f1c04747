//! How soon a job stands still when the client says so, and how soon it goes on.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use boinc::wire::message::Control;

use crate::engine_log::EngineLog;
use crate::raw::RawJob;
use crate::stats::Sample;
use crate::support::Engine;
use crate::table::Row;
use crate::workbench::{Workbench, await_job, await_until, chance, now_seconds};

const TIMES: usize = 20;
const RAW_TIMES: usize = 8;
const FOREVER_MS: &str = "600000";

/// When each order was given, in seconds of the job's clock.
struct Orders {
    suspend: f64,
    resume: f64,
}

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let log = EngineLog::new(bench.engine);
    let mut slot = bench.slot("suspend", ["tick", FOREVER_MS]);
    slot.path = Some(log.path());
    let mut running = slot.start();
    await_job(&slot, &mut running, "ticks");
    sleep(Duration::from_secs(1));
    let orders = give_orders(TIMES, || running.send(Control::Suspend), || running.send(Control::Resume));
    let ticks = ticks(&slot.work("ticks"));
    running.send(Control::Abort);
    running.wait_for_exit();
    let (frozen, going_on) = answers(&orders, &ticks);

    let alone = raw(bench, &RawJob::from_log(bench.engine, &log, bench.dir("suspend-raw")));
    let (paused, unpaused) = (alone.0.milliseconds(), alone.1.milliseconds());
    vec![
        Row::new(
            "suspend → job's last tick",
            frozen.milliseconds(),
            "p95 ≤ 200 ms",
            frozen.percentile(95.0) <= 0.2,
        )
        .raw(format!("`pause`: {paused}"))
        .upstream(match bench.engine {
            Engine::Docker => "p50 1.03 s, p95 3.07 s",
            Engine::Podman | Engine::RootlessPodman => "p50 0.56 s, p95 0.92 s",
        }),
        Row::new(
            "resume → job's first tick",
            going_on.milliseconds(),
            "p95 ≤ 200 ms",
            going_on.percentile(95.0) <= 0.2,
        )
        .raw(format!("`unpause`: {unpaused}"))
        .upstream(match bench.engine {
            Engine::Docker => "p50 0.51 s, p95 0.81 s",
            Engine::Podman | Engine::RootlessPodman => "p50 0.41 s, p95 0.93 s",
        }),
    ]
}

/// The same by the engine's own commands, in a container like the wrapper's.
fn raw(bench: &Workbench, job: &RawJob) -> (Sample, Sample) {
    let mut words = job.words(0, &["tick", FOREVER_MS]);
    words.insert(1, "--detach".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    bench.engine.run(&words);
    let path = job.work_dir(0).join("ticks");
    await_until("the raw job's start", || path.exists());
    let name = job.name(0);
    let orders = give_orders(
        RAW_TIMES,
        || drop(bench.engine.run(&["pause", &name])),
        || drop(bench.engine.run(&["unpause", &name])),
    );
    let ticks = ticks(&path);
    bench.engine.run(&["rm", "--force", &name]);
    answers(&orders, &ticks)
}

/// At random moments, so that every phase of a poll is met.
fn give_orders(times: usize, suspend: impl Fn(), resume: impl Fn()) -> Vec<Orders> {
    let rest = || sleep(Duration::from_secs_f64(0.6 + 0.4 * chance()));
    (0..times)
        .map(|_| {
            let suspend_at = now_seconds();
            suspend();
            rest();
            let resume_at = now_seconds();
            resume();
            rest();
            Orders { suspend: suspend_at, resume: resume_at }
        })
        .collect()
}

/// Seconds from each suspend to the last tick before the silence, and from each resume to the first one after it.
fn answers(orders: &[Orders], ticks: &[f64]) -> (Sample, Sample) {
    let frozen = orders.iter().map(|order| {
        let last = ticks.iter().rev().find(|&&tick| tick < order.resume).expect("a tick before the resume");
        (last - order.suspend).max(0.0)
    });
    let going_on = orders.iter().map(|order| {
        let first = ticks.iter().find(|&&tick| tick > order.resume).expect("a tick after the resume");
        first - order.resume
    });
    (Sample::new(frozen.collect()), Sample::new(going_on.collect()))
}

fn ticks(path: &Path) -> Vec<f64> {
    let bytes = fs::read(path).unwrap();
    let stamps = bytes.chunks_exact(8).map(|chunk| i64::from_ne_bytes(chunk.try_into().unwrap()));
    stamps.map(|nanoseconds| nanoseconds as f64 / 1e9).collect()
}

//! What a front costs, as on Windows, but with its agent on the same system: without WSL's own part.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use boinc::frames::{FromAgent, FromFront, read, to_bytes};
use boinc::wire::finish::FINISH_FILE;
use boinc::wire::message::Control;

use super::processor_time::process_seconds;
use crate::stats::Sample;
use crate::support::front::{agent_of, use_front};
use crate::table::Row;
use crate::workbench::{Workbench, await_job, await_until, now_seconds, stamps};

const ROUND_TRIPS: usize = 2_000;
/// An agent waits 30 s for its task: on a busy machine fewer round trips are measured.
const PATIENCE_OF_AGENT: Duration = Duration::from_secs(25);
const JOBS: usize = 50;
const WINDOW: Duration = Duration::from_secs(30);
/// After the job's start, until there is nothing of it left to do.
const SETTLE: Duration = Duration::from_secs(4);

pub fn measure(bench: &Workbench) -> Vec<Row> {
    bench.warm("front");
    let trips = round_trips(bench);
    let native = steady(bench);
    use_front(true);
    let exits = Sample::new((0..JOBS).map(|n| exit_latency(bench, n)).collect());
    let with_front = steady(bench);
    use_front(false);
    let more = with_front - native;
    vec![
        Row::new(
            "front ↔ agent, round trip",
            format!(
                "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
                trips.median() * 1e3,
                trips.percentile(99.0) * 1e3,
                trips.max() * 1e3
            ),
            "p99 ≤ 2 ms",
            trips.percentile(99.0) <= 0.002,
        ),
        Row::new(
            "job's last act → boinc_finish_called, through a front",
            exits.milliseconds(),
            "p99 ≤ 100 ms",
            exits.percentile(99.0) <= 0.1,
        ),
        Row::new(
            "processor time of front and agent beyond a wrapper's, steady",
            format!("{more:.3} % of a core ({with_front:.3} %, a wrapper {native:.3} %)"),
            "≤ 0.1 %",
            more <= 0.1,
        ),
    ]
}

/// Pings and their answers, with an agent that waits for its task.
fn round_trips(bench: &Workbench) -> Sample {
    let mut agent = Command::new(env!("CARGO_BIN_EXE_buoy-wrapper"))
        .arg("--agent")
        .current_dir(bench.dir("front-pings"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (agent.stdin.take().unwrap(), agent.stdout.take().unwrap());
    assert!(matches!(read(&mut stdout).unwrap(), Some(FromAgent::Hello(_))));
    let ping = to_bytes(&FromFront::Ping).unwrap();
    let until = Instant::now() + PATIENCE_OF_AGENT;
    let trips = (0..ROUND_TRIPS).take_while(|_| Instant::now() < until).map(|_| {
        let began = Instant::now();
        stdin.write_all(&ping).unwrap();
        assert_eq!(read(&mut stdout).unwrap(), Some(FromAgent::Pong));
        let took = began.elapsed().as_secs_f64();
        // So that each finds both sides asleep.
        sleep(Duration::from_millis(2));
        took
    });
    let sample = Sample::new(trips.collect());
    drop(stdin);
    agent.wait().unwrap();
    sample
}

fn exit_latency(bench: &Workbench, n: usize) -> f64 {
    let length_ms = (300 + n * 137 % 1_000).to_string();
    let slot = bench.slot("front", ["stamp", &length_ms]);
    let mut running = slot.start();
    let finish = slot.dir.join(FINISH_FILE);
    await_until("the finish file", || {
        running.take_status();
        fs::symlink_metadata(&finish).is_ok()
    });
    let over = now_seconds();
    running.wait_for_exit();
    running.assert_success();
    over - stamps(&slot.dir.join("stamps")).1
}

/// Percent of a core while a job sleeps: of the started program, and of its agent if it is a front.
fn steady(bench: &Workbench) -> f64 {
    let slot = bench.slot("front", ["stamp", "600000"]);
    let mut running = slot.start();
    await_job(&slot, &mut running, "stamps");
    let mut watch = |time: Duration| {
        let until = Instant::now() + time;
        while Instant::now() < until {
            running.take_status();
            sleep(Duration::from_millis(100));
        }
        running.pid()
    };
    let pid = watch(SETTLE);
    let used = |pid: u32| match agent_of(pid) {
        0 => process_seconds(pid),
        agent => process_seconds(pid) + process_seconds(agent),
    };
    let (before, began) = (used(pid), Instant::now());
    watch(WINDOW);
    let share = 100.0 * (used(pid) - before) / began.elapsed().as_secs_f64();
    running.send(Control::Abort);
    running.wait_for_exit();
    share
}

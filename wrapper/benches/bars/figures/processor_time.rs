//! What the wrapper takes of the processor while a job runs, and whether what it reports of the job is true.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::engine_log::EngineLog;
use crate::table::Row;
use crate::workbench::{Workbench, await_job, resident_peak_bytes};

const WINDOW: Duration = Duration::from_secs(60);
/// After the job's start, until the wrapper has nothing of it left to do.
const SETTLE: Duration = Duration::from_secs(4);

pub fn measure(bench: &Workbench) -> Vec<Row> {
    bench.warm("processor-time");
    std::thread::scope(|scope| {
        let steady = scope.spawn(|| steady(bench));
        let busy = [reported(bench, 30), reported(bench, 5)];
        let mut rows = steady.join().unwrap();
        rows.extend(busy);
        rows
    })
}

/// A job that sleeps, for a minute.
fn steady(bench: &Workbench) -> Vec<Row> {
    let log = EngineLog::new(bench.engine);
    let mut slot = bench.slot("processor-time", ["stamp", "600000"]);
    slot.path = Some(log.path());
    let mut running = slot.start();
    await_job(&slot, &mut running, "stamps");
    let watch = |running: &mut crate::support::Running, time: Duration| {
        let until = Instant::now() + time;
        while Instant::now() < until {
            running.take_status();
            sleep(Duration::from_millis(100));
        }
    };
    watch(&mut running, SETTLE);
    let pid = running.pid();
    let (calls, began, used) = (log.calls().len(), Instant::now(), Used::of(pid));
    let idle = std::thread::spawn(only_sleep);
    watch(&mut running, WINDOW);
    let (calls, seconds, now) = (log.calls().len() - calls, began.elapsed().as_secs_f64(), Used::of(pid));
    let peak_megabytes = resident_peak_bytes(pid).expect("the wrapper runs") / 1e6;
    running.send(boinc::wire::message::Control::Abort);
    running.wait_for_exit();

    let idle_share = 100.0 * idle.join().unwrap() / WINDOW.as_secs_f64();
    let share = 100.0 * (now.cpu_seconds - used.cpu_seconds) / seconds;
    let children = now.children_faults != used.children_faults;
    vec![
        Row::new(
            format!("processor time of the wrapper and its children, steady, {seconds:.0} s"),
            format!("{share:.3} % of a core"),
            "≤ 0.05 %",
            share <= 0.05,
        )
        .raw(format!("{idle_share:.3} %: a thread that only sleeps 10 times a second"))
        .upstream("0.32 %"),
        Row::new(
            "the same minute: commands of the engine; any child",
            format!("{calls}; {}", if children { "yes" } else { "none" }),
            "no process started",
            calls == 0 && !children,
        )
        .upstream("11 commands"),
        Row::new(
            "wrapper's resident memory, peak",
            format!("{peak_megabytes:.1} MB"),
            "≤ 5 MB",
            peak_megabytes <= 5.0,
        )
        .upstream("3.6 MB, docker CLI beside it 26 MB"),
    ]
}

/// Seconds of processor time that this host takes for the wake-ups alone.
fn only_sleep() -> f64 {
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let (before, began) = (used(), Instant::now());
    while began.elapsed() < WINDOW {
        sleep(Duration::from_millis(100));
    }
    used() - before
}

/// What a process has used so far.
struct Used {
    /// Its own threads' and its finished children's.
    cpu_seconds: f64,
    /// Page faults of children that it waited for: every program that runs has some.
    children_faults: u64,
}

impl Used {
    fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        let number = |field: usize| fields[field].parse::<u64>().unwrap();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let children_seconds = (number(13) + number(14)) as f64 / ticks;
        Self { cpu_seconds: process_seconds(pid) + children_seconds, children_faults: number(8) }
    }
}

/// To the nanosecond, of all threads it has and had.
#[expect(unsafe_code, reason = "no safe call reads another process's clock")]
pub fn process_seconds(pid: u32) -> f64 {
    let mut clock = 0;
    // SAFETY: `clock` outlives the call, which writes nothing else.
    let found = unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) };
    assert_eq!(found, 0, "process {pid} has a clock");
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which writes nothing else.
    let read = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(read, 0, "process {pid} is still there");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A job that computes for so many seconds, and the last figure that reached the client.
fn reported(bench: &Workbench, seconds: u32) -> Row {
    let slot = bench.slot("processor-time", ["burn", &(seconds * 1_000).to_string()]);
    let mut running = slot.start();
    running.wait_for_exit();
    running.assert_success();
    let kernel: f64 = fs::read_to_string(slot.dir.join("cpu")).unwrap().trim().parse().unwrap();
    let kernel = kernel / 1e9;
    let reported = running.last_status.as_ref().expect("a status").current_cpu_time;
    let off = 100.0 * (reported - kernel) / kernel;
    let figure = format!("processor time reported, {seconds} s busy job");
    let measured = format!("{off:+.2} % off ({reported:.2} s, kernel {kernel:.2} s)");
    if seconds >= 30 {
        Row::new(figure, measured, "≤ 1 % off", off.abs() <= 1.0).upstream("+2 %, -2 % on a busy machine")
    } else {
        Row::without_bar(figure, measured).upstream("+105 %")
    }
}

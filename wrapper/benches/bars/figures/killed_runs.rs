//! `buoy run` killed at ten moments nobody chose, then run to its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::app::App;
use crate::engine_log::EngineLog;
use crate::table::Row;
use crate::workbench::{Workbench, await_until, chance};

const JOBS: usize = 30;
const KILLS: usize = 10;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let app = App::new(bench, "killed-runs", "stamp 700");
    let log = EngineLog::new(bench.engine);
    let out = app.out("results");
    let events = out.with_extension("events");
    let mut killed = 0;
    while killed < KILLS {
        let mut run = app.start(JOBS, "results", &log, &events);
        std::thread::sleep(Duration::from_secs_f64(0.1 + 1.9 * chance()));
        let over = run.try_wait().unwrap().is_some();
        run.kill().unwrap();
        run.wait().unwrap();
        assert!(!over, "all jobs were done after {killed} kills; there must be more of them");
        killed += 1;
    }
    let last = app.start(JOBS, "results", &log, &events).wait().unwrap();
    assert!(last.success(), "the last run: {last}");

    let events = fs::read_to_string(events).unwrap();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for line in events.lines().filter(|line| line.contains("\"event\":\"job_finished\"")) {
        let name = line.split("\"job\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        *told.entry(name).or_default() += 1;
    }
    let twice = told.values().filter(|&&times| times > 1).count();
    let table = fs::read_to_string(out.join("results.csv")).unwrap();
    let rows = table.lines().skip(1).filter(|row| row.split(',').nth(1) == Some("done")).count();
    let outputs = (1..=JOBS).filter(|n| out.join(format!("job-{n}/stamps")).is_file()).count();
    let created = log.job_containers();
    let name = |call: &Vec<String>| call.iter().skip_while(|word| *word != "--name").nth(1).cloned().unwrap();
    let names: std::collections::BTreeSet<String> = created.iter().map(name).collect();
    let containers = names.iter().filter(|name| bench.engine.status(name).is_some()).count();
    await_until("wrappers to leave", || processes_in(&out) == 0);
    let slots = fs::read_dir(out.join(".buoy/client/slots")).unwrap().count();
    let starts = log.calls_of("start").len();
    let once = rows == JOBS && outputs == JOBS && twice == 0;
    vec![
        Row::new(
            format!("`buoy run` killed with -9 at {KILLS} random moments, rerun: jobs collected; told twice"),
            format!("{outputs} of {JOBS}; {twice}"),
            "each once",
            once,
        )
        .upstream("wrapper killed: job run twice"),
        Row::new(
            "containers left; slots left",
            format!("{containers}; {slots}"),
            "0; 0",
            containers == 0 && slots == 0,
        ),
        Row::without_bar("containers started for them", format!("{starts} for {JOBS} jobs")),
    ]
}

/// Processes whose current directory is in there.
fn processes_in(dir: &Path) -> usize {
    let dir = dir.canonicalize().unwrap();
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&dir)))
        .count()
}

//! What all of Buoy costs: 100 one-second jobs through `buoy run` against the same containers by the engine alone.

use std::time::Instant;

use crate::app::App;
use crate::engine_log::EngineLog;
use crate::raw::{RawJob, two_way_xargs};
use crate::table::Row;
use crate::workbench::Workbench;

const JOBS: usize = 100;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let app = App::new(bench, "throughput", "stamp 1000");
    // One job through a noting engine: it builds the image and shows the options.
    let log = EngineLog::new(bench.engine);
    app.run(1, "first", Some(&log));
    let raw = RawJob::from_log(bench.engine, &log, bench.dir("throughput-raw"));
    let script = raw.script(&["stamp", "1000"]);

    let timed = |work: &dyn Fn()| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    // Half of the raw ones before and half after, so that other work on the machine meets both.
    let before = timed(&|| two_way_xargs(&script, 0..JOBS / 2));
    let through_buoy = timed(&|| app.run(JOBS, "measured", None));
    let after = timed(&|| two_way_xargs(&script, JOBS / 2..JOBS));
    let alone = before + after;
    let ratio = through_buoy / alone;
    vec![
        Row::new(
            "100 one-second jobs, 2 slots, image cached: `buoy run` ÷ `xargs -P 2` of the engine's `run`",
            format!("{ratio:.3} ({through_buoy:.1} s)"),
            "≤ 1.15",
            ratio <= 1.15,
        )
        .raw(format!("{alone:.1} s ({before:.1} + {after:.1})")),
    ]
}

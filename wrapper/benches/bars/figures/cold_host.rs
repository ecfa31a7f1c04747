//! Eight slots of one client start at once and need the same image.

use crate::engine_log::EngineLog;
use crate::support::Slot;
use crate::table::Row;
use crate::workbench::Workbench;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let log = EngineLog::new(bench.engine);
    let mut slots: Vec<Slot> = (0..8).map(|_| bench.slot("cold-host", ["stamp", "100"])).collect();
    let (first, others) = slots.split_at_mut(1);
    for slot in others {
        slot.join_project_of(&first[0]);
    }
    for slot in &mut slots {
        slot.path = Some(log.path());
    }
    let mut running: Vec<_> = slots.iter().map(Slot::start).collect();
    for running in &mut running {
        running.wait_for_exit();
        running.assert_success();
    }
    let builds = log.named_commits();
    vec![Row::new("8 slots starting at once, no image yet: builds", builds.to_string(), "1", builds == 1)]
}

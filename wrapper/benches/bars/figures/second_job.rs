//! The second job of an app needs no image to be made.

use crate::engine_log::EngineLog;
use crate::table::Row;
use crate::workbench::Workbench;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let count = |log: &EngineLog, verb| log.calls_of(verb).len();
    let logs = [EngineLog::new(bench.engine), EngineLog::new(bench.engine)];
    for log in &logs {
        let mut slot = bench.slot("second-job", ["stamp", "100"]);
        slot.path = Some(log.path());
        slot.run().assert_success();
    }
    let [first, second] = &logs;
    assert_eq!(first.named_commits(), 1, "the first job builds");
    let made = [second.named_commits(), count(second, "pull"), count(second, "load")];
    let calls = second.calls();
    let before = calls.iter().take_while(|call| call[0] != "create").count();
    vec![
        Row::new(
            "second job of an app: builds, pulls, loads",
            format!("{}, {}, {}", made[0], made[1], made[2]),
            "0, 0, 0",
            made == [0, 0, 0],
        )
        .upstream("1 build for each workunit"),
        Row::new(
            "second job of an app: commands of the engine before create",
            before.to_string(),
            "≤ 1",
            before <= 1,
        ),
        Row::without_bar(
            "commands of the engine for a job, image cached",
            format!("{} (for the first {})", calls.len(), first.calls().len()),
        )
        .upstream("21 (60 s job), 29 (108 s job)"),
    ]
}

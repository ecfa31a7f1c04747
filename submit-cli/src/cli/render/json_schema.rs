//! docs/json.md is the schema of what `--json` prints: its tables are compared with values of each type.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Mistake;
use super::actions::{Again, Retired};
use crate::campaign::cause::CauseKind;
use crate::campaign::event::{Event, Finished, Started};
use crate::campaign::job_view::{Counts, FailureGroup, JobState, JobView};
use crate::campaign::status::{BatchStatus, Status};
use crate::campaign::submitted::Stage;
use crate::remote::follow::abort::Aborted;
use crate::remote::follow::list::{List, Listed, Presence, RemoteBatch};
use crate::remote::follow::log::Log;

/// A table of the page: types by key.
type Object = BTreeMap<String, String>;

/// The page's tables, by heading without back quotes.
fn schema() -> BTreeMap<String, Object> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md");
    let text = std::fs::read_to_string(page).unwrap();
    let mut objects: BTreeMap<String, Object> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            heading = name.replace('`', "");
        } else if let Some(row) = line.strip_prefix("| `")
            && !heading.is_empty()
        {
            let mut cells = row.split(" | ");
            let key = cells.next().unwrap().trim_end_matches('`').to_owned();
            let kind = cells.next().unwrap().replace('`', "");
            objects.entry(heading.clone()).or_default().insert(key, kind);
        }
    }
    objects
}

fn check(schema: &BTreeMap<String, Object>, name: &str, value: &Value) {
    let object = schema.get(name).unwrap_or_else(|| panic!("docs/json.md has no object {name}"));
    let fields = value.as_object().unwrap_or_else(|| panic!("{name}: {value}"));
    let documented: BTreeSet<&String> = object.keys().collect();
    let printed: BTreeSet<&String> = fields.keys().collect();
    assert_eq!(documented, printed, "keys of {name} in docs/json.md, and as they are printed");
    for (key, kind) in object {
        assert!(is_of(schema, kind, &fields[key]), "{name}.{key} is documented as {kind}: {}", fields[key]);
    }
}

fn is_of(schema: &BTreeMap<String, Object>, kind: &str, value: &Value) -> bool {
    if let Some(kind) = kind.strip_suffix(" or null") {
        return value.is_null() || is_of(schema, kind, value);
    }
    if let Some(kind) = kind.strip_prefix("array of ") {
        let list = value.as_array();
        return list
            .is_some_and(|list| !list.is_empty() && list.iter().all(|item| is_of(schema, kind, item)));
    }
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        literal if literal.starts_with('"') => *value == literal.trim_matches('"'),
        object => {
            check(schema, object, value);
            true
        }
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The heading of an event; none for one that is not printed.
fn heading(event: &Event<'_>) -> Option<&'static str> {
    Some(match event {
        Event::Started(Started::Run { .. }) => "started of run",
        Event::Started(Started::Watch { .. }) => "started of watch",
        Event::Started(Started::Fetch { .. }) => "started of fetch",
        Event::ResultStarted { .. } => "result_started",
        Event::Preparing { .. } => "preparing",
        Event::Progress { .. } => "progress",
        Event::ResultExited { .. } => "result_exited",
        Event::ResultRetrying { .. } => "result_retrying",
        Event::ResultFinished { .. } => "result_finished",
        Event::JobFinished { .. } => "job_finished",
        Event::Rejected { .. } => "rejected",
        Event::FilesChecked { .. } => "files_checked",
        Event::Uploaded { .. } => "uploaded",
        Event::ServerLimit { .. } => "server_limit",
        Event::Batch { .. } => "batch event",
        Event::Submitted { .. } => "submitted",
        Event::Retrying { .. } => "retrying",
        Event::Polled { .. } => "polled",
        Event::Failed { .. } => "failed",
        Event::BatchUnavailable { .. } => "batch_unavailable",
        Event::Downloaded { .. } => "downloaded",
        Event::Fetched { .. } => "fetched",
        Event::Missing { .. } => "missing",
        Event::Remaining { .. } => "remaining",
        Event::Note { .. } => "note",
        Event::Finished(Finished::Run { .. }) => "finished of run",
        Event::Finished(Finished::Submit { .. }) => "finished of submit",
        Event::Finished(Finished::Watch { .. }) => "finished of watch",
        Event::Finished(Finished::Fetch { .. }) => "finished of fetch",
        Event::Sent { .. } => return None,
    })
}

fn events() -> Vec<Event<'static>> {
    let (jobs, table) = (Counts::default(), Path::new("results/results.csv"));
    let (job, result, slot, why) = ("a", "w_0", 0, "why");
    let (elapsed_seconds, cpu_seconds) = (1.5, 1.0);
    vec![
        Event::Started(Started::Run {
            jobs: 1,
            finished_before: 0,
            resumed: 0,
            slots: 1,
            engine: "docker",
            results: table,
        }),
        Event::Started(Started::Watch { app: "a", batch: "b", project: "p", jobs }),
        Event::Started(Started::Fetch { jobs: 1, fetched_before: 0, unfinished: 0, to: table }),
        Event::ResultStarted { job, result, slot, again: false },
        Event::Preparing { job, result, slot, text: why },
        Event::Progress { job, result, slot, fraction_done: None, elapsed_seconds, cpu_seconds },
        Event::ResultExited { job, result, slot },
        Event::ResultRetrying { job, result, slot, after_seconds: 1.0, why },
        Event::ResultFinished {
            job,
            result,
            slot,
            state: "valid",
            exit_status: Some(0),
            cause: None,
            elapsed_seconds,
            cpu_seconds,
        },
        Event::JobFinished {
            job,
            state: JobState::Failed,
            exit_status: Some(3),
            cause_kind: Some(CauseKind::Exit),
            cause: Some("exit 3"),
            log_tail: "",
            finished: 1,
            jobs: 1,
        },
        Event::Rejected { job, kept: &["results/.buoy/rejected/a/0"], explanation: why },
        Event::FilesChecked { files: 1, absent: 0, absent_bytes: 0 },
        Event::Uploaded { files: 1, bytes: 1 },
        Event::ServerLimit { request_bytes: 1, files: 1 },
        Event::Batch { batch: "b", id: 7, present: 0 },
        Event::Submitted { batch: "b", jobs: 1 },
        Event::Retrying { doing: "query the project", why, after_seconds: 1.0 },
        Event::Polled { at: 0.0, jobs, changed: 1, seconds_left: None, next_seconds: Some(5.0) },
        Event::Failed {
            cause_kind: CauseKind::Exit,
            cause: "exit 3",
            exit_status: Some(3),
            more: 1,
            count: 1,
            example: job,
        },
        Event::BatchUnavailable { batch: "b", why },
        Event::Downloaded { bytes: 1 },
        Event::Fetched { job, files: 1, bytes: 1, finished: 1, jobs: 1 },
        Event::Missing { job, cause: "gone", help: None, finished: 1, jobs: 1 },
        Event::Remaining { job, cause: "cut", finished: 1, jobs: 1 },
        Event::Note { text: "text" },
        Event::Finished(Finished::Run { jobs, interrupted: false, elapsed_seconds, table }),
        Event::Finished(Finished::Submit { jobs: 1, waiting: 0 }),
        Event::Finished(Finished::Watch { jobs, interrupted: false }),
        Event::Finished(Finished::Fetch {
            fetched: 1,
            missing: 0,
            remaining: 0,
            bytes: 1,
            interrupted: false,
            elapsed_seconds,
            table,
        }),
    ]
}

fn status() -> Status {
    let job = JobView {
        job: "a".to_owned(),
        state: JobState::Failed,
        attempt: 0,
        workunit: "w".to_owned(),
        results: Some(1),
        exit_status: Some(3),
        cause_kind: Some(CauseKind::Exit),
        cause: Some("exit 3".to_owned()),
        elapsed_seconds: Some(1.0),
        cpu_seconds: Some(1.0),
        memory_bytes: Some(1),
        host: Some("host".to_owned()),
        started: Some(1.0),
        fetched: false,
        parameters: [("seed".to_owned(), "1".to_owned())].into(),
    };
    let failure = FailureGroup {
        cause_kind: CauseKind::Exit,
        exit_status: Some(3),
        count: 1,
        example: "a".to_owned(),
        cause: "exit 3".to_owned(),
    };
    Status {
        app: "a".to_owned(),
        batch: "b".to_owned(),
        project: Some("p".to_owned()),
        url: Some("https://p.example/".to_owned()),
        started: 0.0,
        active: false,
        jobs: Counts::default(),
        seconds_left: Some(1.0),
        asked: Some(1.0),
        age_seconds: Some(1.0),
        problem: Some("unreachable".to_owned()),
        failures: vec![failure],
        unfetched: 1,
        batches: vec![BatchStatus { name: "b".to_owned(), server_id: Some(1), stage: Stage::Submitted }],
        list: Some(vec![job]),
    }
}

fn list() -> List {
    let campaign = Listed {
        dir: "results".into(),
        presence: Presence::Here,
        problem: None,
        app: "a".to_owned(),
        batch: "b".to_owned(),
        project: None,
        url: None,
        jobs: Counts::default(),
        active: false,
        age_seconds: Some(1.0),
        server_batches: vec![1],
    };
    let batch = RemoteBatch {
        id: 1,
        name: "b".to_owned(),
        app: "universal".to_owned(),
        state: "complete",
        jobs: 1,
        failed: 0,
        fraction_done: 1.0,
        created: 1.0,
    };
    List { campaigns: vec![campaign], batches: Some(vec![batch]) }
}

#[test]
fn the_documented_schema_is_what_is_printed() {
    let schema = schema();
    let mut checked: BTreeSet<String> = BTreeSet::new();
    let mut compare = |name: &str, value: Value| {
        check(&schema, name, &value);
        checked.insert(name.to_owned());
    };
    for event in events() {
        compare(heading(&event).unwrap(), json(&event));
    }
    compare("status", json(&status()));
    compare("list", json(&list()));
    let log = Log {
        job: "a".to_owned(),
        workunit: "w".to_owned(),
        instance: None,
        exit_status: None,
        outcome: None,
        cause: None,
        text: String::new(),
        instances: vec!["w_0".to_owned()],
    };
    compare("log", json(&log));
    compare("aborted", json(&Aborted::default()));
    compare("retired", json(&Retired { batches: 1 }));
    compare("retried", json(&Again { event: "retried", jobs: &["a".to_owned()], changed: String::new() }));
    let mistake =
        boinc::diagnostic::Diagnostic::new(boinc::diagnostic::Location::file(Path::new("app.toml")), "found");
    compare("mistakes", serde_json::json!({ "mistakes": [json(&Mistake::of(&mistake))] }));
    let parts = ["counts", "job", "failure", "batch", "campaign", "remote_batch", "mistake"];
    let all: BTreeSet<String> = checked.into_iter().chain(parts.map(str::to_owned)).collect();
    assert_eq!(all, schema.into_keys().collect(), "objects that are printed, and documented ones");
}

#[test]
fn a_key_that_is_missing_or_of_another_type_is_noticed() {
    let schema = schema();
    let good = json(&status());
    for (key, value) in [("app", None), ("new", Some(Value::Null)), ("unfetched", Some(Value::from("1")))] {
        let mut bad = good.clone();
        let fields = bad.as_object_mut().unwrap();
        match value {
            Some(value) => drop(fields.insert(key.to_owned(), value)),
            None => drop(fields.remove(key)),
        }
        assert!(std::panic::catch_unwind(|| check(&schema, "status", &bad)).is_err(), "{key}");
    }
}

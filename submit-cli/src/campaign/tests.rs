use std::path::Path;

use super::*;
use crate::campaign::workunit::{ErrorMask, Outcome, Restarts, ResultState, ValidateState};

fn job(id: i64, name: &str) -> JobRecord {
    let results = vec![ResultRecord::unsent(0), ResultRecord::unsent(1)];
    JobRecord {
        results,
        ..JobRecord::new(id, name, &format!("app-000000000000__b__{name}"), "f".to_owned(), 2)
    }
}

fn file(results: &Path) -> PathBuf {
    results.join(STATE_DIR).join(FILE)
}

#[test]
fn what_was_saved_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = job(1, "first");
    first.results[0] = ResultRecord {
        n: 0,
        state: ResultState::Over(Outcome::Success(ValidateState::Valid)),
        slot: Some(3),
        exit_status: Some(-226),
        cause: Some("why".to_owned()),
        started: Some(1.5),
        elapsed_seconds: 2.5,
        cpu_seconds: 3.5,
        checkpoint_cpu_seconds: 4.5,
        peak_bytes: 1 << 40,
        restarts: Restarts { premature: 5, temporary: 6 },
    };
    first.errors = ErrorMask::TOO_MANY_ERRORS;
    first.errors |= ErrorMask::TOO_MANY_TOTAL;
    first.canonical = Some(1);
    first.assimilated = true;
    first.cause = Some("cause".to_owned());
    first.parameters = [("seed".to_owned(), "1".to_owned())].into();
    let second = job(2, "second");
    {
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        campaign.save([&first, &second]).unwrap();
        campaign.set_value("key", "abc").unwrap();
    }
    let campaign = Campaign::open_to_read(dir.path()).unwrap();
    assert_eq!(campaign.jobs().unwrap(), [first, second]);
    assert_eq!(campaign.value("key").unwrap().as_deref(), Some("abc"));
    assert_eq!(campaign.value("other").unwrap(), None);
}

#[test]
fn every_state_survives_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
    let mut all = job(1, "all");
    all.results = record::STATE_WORDS
        .iter()
        .enumerate()
        .map(|(n, (_, state))| ResultRecord { state: *state, ..ResultRecord::unsent(n as u32) })
        .collect();
    campaign.save([&all]).unwrap();
    assert_eq!(campaign.jobs().unwrap(), [all]);
}

#[test]
fn a_second_run_on_one_campaign_is_refused_and_a_reader_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Campaign::open_for_run(dir.path()).unwrap();
    let refusal = Campaign::open_for_run(dir.path()).unwrap_err();
    let text = refusal.to_string();
    assert!(matches!(refusal, CampaignError::Busy { .. }), "{text}");
    assert!(text.contains(&format!("PID {}", std::process::id())), "{text}");
    Campaign::open_to_read(dir.path()).unwrap();
}

#[test]
fn a_file_of_another_version_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    drop(Campaign::open_for_run(dir.path()).unwrap());
    let db = Connection::open(file(dir.path())).unwrap();
    db.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(db);
    for refusal in
        [Campaign::open_for_run(dir.path()).unwrap_err(), Campaign::open_to_read(dir.path()).unwrap_err()]
    {
        assert!(refusal.to_string().contains("version 4; this buoy reads version 3"), "{refusal}");
    }
}

#[test]
fn a_damaged_file_is_told_from_a_foreign_one_and_neither_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_DIR)).unwrap();
    let text = b"this is no database, but it is longer than the header of one: ".repeat(40);
    std::fs::write(file(dir.path()), &text).unwrap();
    let refusal = Campaign::open_for_run(dir.path()).unwrap_err();
    assert!(matches!(refusal, CampaignError::Damaged { source: Some(_), .. }), "{refusal}");
    assert_eq!(std::fs::read(file(dir.path())).unwrap(), text);

    std::fs::remove_file(file(dir.path())).unwrap();
    let db = Connection::open(file(dir.path())).unwrap();
    db.execute_batch("PRAGMA user_version = 1; CREATE TABLE t (x)").unwrap();
    drop(db);
    let refusal = Campaign::open_for_run(dir.path()).unwrap_err();
    assert!(matches!(refusal, CampaignError::Damaged { source: None, .. }), "{refusal}");
}

#[test]
fn a_directory_without_a_campaign_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = Campaign::open_to_read(dir.path()).unwrap_err();
    assert!(refusal.to_string().contains("no campaign in this directory"), "{refusal}");
    assert!(!dir.path().join(STATE_DIR).exists(), "looking makes nothing");
}

#[test]
fn a_job_of_this_host_is_seen_as_one_of_a_project_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
    let meta = meta::CampaignMeta {
        app: "vina".to_owned(),
        host: Some("workbench".to_owned()),
        bounds: bounds::Bounds { memory_bytes: 1_000_000_000, disk_bytes: 1, deadline_seconds: 1 },
        ..meta::CampaignMeta::default()
    };
    campaign.set_meta(&meta).unwrap();
    let ended = |n, state, exit_status, cause: Option<&str>| ResultRecord {
        state: ResultState::Over(state),
        exit_status: Some(exit_status),
        cause: cause.map(str::to_owned),
        started: Some(10.0 + f64::from(n)),
        elapsed_seconds: 2.5,
        peak_bytes: 4096,
        ..ResultRecord::unsent(n)
    };
    let failed = |id, name: &str, exit_status, cause| JobRecord {
        errors: ErrorMask::TOO_MANY_ERRORS,
        assimilated: true,
        cause: Some(format!("{cause} {name}")),
        results: vec![ended(0, Outcome::ClientError, exit_status, Some(cause))],
        ..job(id, name)
    };
    let valid = Outcome::Success(ValidateState::Valid);
    let done = JobRecord {
        canonical: Some(1),
        assimilated: true,
        results: vec![ended(0, Outcome::ClientError, 9, Some("killed")), ended(1, valid, 0, None)],
        ..job(1, "done")
    };
    let jobs = [
        done,
        failed(2, "memory", 198, "used 2 GB"),
        failed(3, "start-a", 206, "no such file"),
        failed(4, "start-b", 206, "no such file"),
        failed(5, "exit-a", 3, "process exited with code 3"),
        failed(6, "exit-b", 4, "process exited with code 4"),
        JobRecord { in_plan: false, results: Vec::new(), ..job(7, "dropped") },
        JobRecord { results: Vec::new(), ..job(8, "waiting") },
    ];
    campaign.save(&jobs).unwrap();
    campaign.save(&jobs).unwrap();
    let views = campaign.job_views().unwrap();
    let done = &views[0];
    assert_eq!((done.results, done.exit_status, done.started), (Some(2), Some(0), Some(10.0)));
    assert_eq!(
        (done.memory_bytes, done.host.as_deref(), done.fetched),
        (Some(4096), Some("workbench"), true)
    );
    assert_eq!(campaign.earlier().unwrap()["done"], ["error"]);
    let causes: Vec<_> = views.iter().filter_map(|view| view.cause.as_deref()).collect();
    assert_eq!(
        causes,
        [
            "out of memory at 1 GB (198)",
            "no such file start-a",
            "no such file start-b",
            "exit 3 in vina",
            "exit 4 in vina"
        ]
    );
    let groups: Vec<_> =
        campaign.failures().unwrap().iter().map(|group| (group.cause_kind.word(), group.count)).collect();
    assert_eq!(groups, [("start", 2), ("memory", 1), ("exit", 1), ("exit", 1)]);
    let counts = campaign.counts().unwrap();
    assert_eq!((counts.total(), counts.dropped, counts.failed), (7, 1, 5));
}

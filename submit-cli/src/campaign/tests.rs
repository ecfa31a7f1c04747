use std::path::Path;

use super::*;
use crate::campaign::workunit::{ErrorMask, Outcome, Restarts, ResultState, ValidateState};

fn job(id: i64, name: &str) -> JobRecord {
    JobRecord {
        id,
        name: name.to_owned(),
        wu_name: format!("app-000000000000__b__{name}"),
        fingerprint: "f".to_owned(),
        in_plan: true,
        first_n: 0,
        target_nresults: 2,
        errors: ErrorMask::default(),
        canonical: None,
        assimilated: false,
        cause: None,
        results: vec![ResultRecord::unsent(0), ResultRecord::unsent(1)],
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
    first.errors = ErrorMask::TOO_MANY_ERRORS | ErrorMask::TOO_MANY_TOTAL;
    first.canonical = Some(1);
    first.assimilated = true;
    first.cause = Some("cause".to_owned());
    let second = job(2, "second");
    {
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        campaign.save([&first, &second]).unwrap();
        campaign.set_meta(&[("bundle", "abc")]).unwrap();
    }
    let campaign = Campaign::open_to_read(dir.path()).unwrap();
    assert_eq!(campaign.jobs().unwrap(), [first, second]);
    assert_eq!(campaign.meta("bundle").unwrap().as_deref(), Some("abc"));
    assert_eq!(campaign.meta("other").unwrap(), None);
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
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    Campaign::open_to_read(dir.path()).unwrap();
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    drop(Campaign::open_for_run(dir.path()).unwrap());
    let db = Connection::open(file(dir.path())).unwrap();
    db.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(db);
    for refusal in
        [Campaign::open_for_run(dir.path()).unwrap_err(), Campaign::open_to_read(dir.path()).unwrap_err()]
    {
        assert!(refusal.to_string().contains("version 3, this buoy knows versions up to 2"), "{refusal}");
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
    assert!(refusal.to_string().contains("no campaign here"), "{refusal}");
    assert!(!dir.path().join(STATE_DIR).exists(), "looking makes nothing");
}

#[test]
fn the_sample_of_version_1_can_be_read() {
    // Breaking this means a new schema version and a migration.
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_DIR)).unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/campaign-v1.sqlite");
    std::fs::copy(sample, file(dir.path())).unwrap();
    for campaign in [Campaign::open_to_read(dir.path()).unwrap(), Campaign::open_for_run(dir.path()).unwrap()]
    {
        let jobs = campaign.jobs().unwrap();
        let words: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.status().word())).collect();
        assert_eq!(words, [("aspirin", "done"), ("caffeine", "failed"), ("menthol", "waiting")]);
        assert_eq!(jobs[0].telling().map(|result| (result.n, result.peak_bytes)), Some((0, 100 << 20)));
        assert_eq!(jobs[1].telling().map(|result| result.restarts.temporary), Some(2));
        assert_eq!(campaign.meta("bundle").unwrap().as_deref(), Some("0123456789ab"));
        assert_eq!(campaign.counts().unwrap().total(), 0, "the tables for submissions were added");
    }
}

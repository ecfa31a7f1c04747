use std::sync::Arc;

use super::*;
use crate::campaign::Campaign;
use crate::campaign::bounds::Bounds;
use crate::campaign::cause::{Cause, CauseKind};
use crate::campaign::job_view::{Counts, JobState};
use crate::campaign::meta::{CampaignMeta, OutputMeta, ProjectRef};
use crate::plan::content::Content;
use crate::plan::content::ContentHash;

fn round(digest: &str) -> Round {
    Round {
        digest: digest.to_owned(),
        input_template: "<input_template/>".to_owned(),
        output_template: "<output_template/>".to_owned(),
        rsc_fpops_est: 1e12,
        inputs: FileNames(vec!["buoy_0".to_owned(), "buoy_1".to_owned()]),
        changed: String::new(),
    }
}

fn new(job: &str, name: &str) -> NewWorkunit {
    NewWorkunit {
        job: job.to_owned(),
        name: name.to_owned(),
        command_line: "--x 1".to_owned(),
        inputs: FileNames(vec!["a".to_owned(), "b".to_owned()]),
        parameters: [].into(),
    }
}

fn change(name: &str, state: JobState) -> Change {
    Change { name: name.to_owned(), state }
}

/// A campaign with workunits w-a, w-b, w-c in its first round.
fn campaign(dir: &tempfile::TempDir) -> (Campaign, i64) {
    let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
    let workunits: Vec<_> = ["a", "b", "c"].map(|job| new(job, &format!("w-{job}"))).into();
    let id = campaign.add_round(&round("d1"), &workunits).unwrap();
    (campaign, id)
}

#[test]
fn what_was_sent_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, id) = campaign(&dir);
    let mut batch = campaign.add_batch(id, 1, "a-0__b.d1.1").unwrap();
    batch.stage = Stage::Submitted;
    batch.server_id = Some(41);
    batch.known_until = Some(1.25);
    batch.asked = Some(2.5);
    campaign.save_batch(&batch).unwrap();
    let file = FileRow {
        name: "buoy_1".to_owned(),
        hash: ContentHash { sha256: "00".to_owned(), bytes: 3 },
        content: Content::Bytes(Arc::from(b"abc".as_slice())),
    };
    let path = FileRow { name: "buoy_2".to_owned(), content: Content::Path("x/y".into()), ..file.clone() };
    campaign.save_files([&file, &path]).unwrap();
    drop(campaign);
    let campaign = Campaign::open_to_read(dir.path()).unwrap();
    assert_eq!(campaign.rounds().unwrap(), [RoundRow { id, round: round("d1") }]);
    assert_eq!(campaign.batches().unwrap(), [batch.clone()]);
    assert_eq!(campaign.batches().unwrap(), [batch]);
    assert_eq!(campaign.files().unwrap(), [file, path]);
}

#[test]
fn a_workunit_is_waiting_until_the_server_was_seen_to_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, id) = campaign(&dir);
    let batch = campaign.add_batch(id, 1, "batch").unwrap().id;
    let ids: Vec<i64> = campaign.unassigned(id).unwrap().iter().map(|workunit| workunit.id).collect();
    campaign.assign(&ids[..2], Some(batch)).unwrap();
    assert_eq!(campaign.counts().unwrap(), Counts { waiting: 3, ..Counts::default() });
    let known = campaign.note_present(batch, &[("w-a", Some(7)), ("w-z", None)]).unwrap();
    assert_eq!(known, 1, "w-z is not of this campaign");
    let waiting = campaign.workunits_of(batch, Filled::Waiting).unwrap();
    assert_eq!(waiting.iter().map(|w| w.new.name.as_str()).collect::<Vec<_>>(), ["w-b"]);
    let all = campaign.workunits_of(batch, Filled::All).unwrap();
    assert_eq!((all[0].state, all[0].server_id), (JobState::Unsent, Some(7)));
    assert_eq!(campaign.unassigned(id).unwrap().len(), 1);
}

#[test]
fn what_is_over_never_changes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, id) = campaign(&dir);
    let batch = campaign.add_batch(id, 1, "batch").unwrap().id;
    campaign.note_present(batch, &[("w-a", None), ("w-b", None)]).unwrap();
    let done = [change("w-a", JobState::Done), change("w-b", JobState::InProgress)];
    assert_eq!(campaign.note_changes(&done, 1.0).unwrap(), 2);
    assert_eq!(campaign.note_changes(&done, 2.0).unwrap(), 0, "told twice, changed once");
    assert_eq!(campaign.note_changes(&[change("w-a", JobState::InProgress)], 3.0).unwrap(), 0);
    // A lost campaign that looks again finds it, and does not take it for new.
    campaign.note_present(batch, &[("w-a", None)]).unwrap();
    let row = &campaign.attempts("a").unwrap()[0];
    assert_eq!((row.state, row.changed), (JobState::Done, Some(1.0)));
}

#[test]
fn failures_are_grouped_and_a_retry_takes_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, id) = campaign(&dir);
    let batch = campaign.add_batch(id, 1, "batch").unwrap().id;
    campaign.note_present(batch, &[("w-a", None), ("w-b", None), ("w-c", None)]).unwrap();
    let failed = ["w-a", "w-b", "w-c"].map(|name| change(name, JobState::Failed));
    campaign.note_changes(&failed, 1.0).unwrap();
    let verdict = |name: &str, cause: Option<&str>| Verdict {
        name: name.to_owned(),
        exit_status: Some(139),
        cause: cause.map(|text| Cause {
            kind: CauseKind::Signal,
            exit_status: Some(139),
            text: text.to_owned(),
        }),
        ..Verdict::default()
    };
    campaign
        .note_verdicts(&[
            verdict("w-a", Some("exit 139")),
            verdict("w-b", Some("exit 139")),
            verdict("w-c", None),
        ])
        .unwrap();
    let groups: Vec<_> =
        campaign.failures().unwrap().into_iter().map(|g| (g.cause, g.count, g.example)).collect();
    assert_eq!(
        groups,
        [("exit 139".to_owned(), 2, "a".to_owned()), ("unknown".to_owned(), 1, "c".to_owned())]
    );

    campaign.add_round(&round("d2"), &[new("b", "w-b.2")]).unwrap();
    assert_eq!(campaign.counts().unwrap(), Counts { waiting: 1, failed: 2, ..Counts::default() });
    let attempts = campaign.attempts("b").unwrap();
    let told: Vec<_> = attempts.iter().map(|w| (w.attempt, w.parent, w.current)).collect();
    assert_eq!(told, [(0, None, false), (1, Some(attempts[0].id), true)]);
}

#[test]
fn the_history_notes_changes_only() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, id) = campaign(&dir);
    campaign.note_moment(1.0).unwrap();
    campaign.note_moment(2.0).unwrap();
    let batch = campaign.add_batch(id, 1, "batch").unwrap().id;
    campaign.note_present(batch, &[("w-a", None)]).unwrap();
    campaign.note_moment(3.0).unwrap();
    let history: Vec<_> =
        campaign.history().unwrap().iter().map(|moment| (moment.at, moment.counts.waiting)).collect();
    assert_eq!(history, [(1.0, 3), (3.0, 2)]);
    assert_eq!(campaign.last_moment().unwrap().unwrap().at, 3.0);
    campaign.note_changes(&[change("w-a", JobState::Done)], 4.0).unwrap();
    campaign.note_moment(4.0).unwrap();
    assert_eq!(campaign.last_moment_with_finished(0).unwrap().unwrap().at, 3.0);
    assert_eq!(campaign.last_moment_with_finished(9).unwrap().unwrap().at, 4.0);
}

#[test]
fn a_submission_is_told_from_a_local_run() {
    let dir = tempfile::tempdir().unwrap();
    let (mut campaign, _) = campaign(&dir);
    assert_eq!(campaign.submitted_meta().unwrap(), None);
    let facts = CampaignMeta {
        project: Some(ProjectRef {
            name: "proj".to_owned(),
            url: "https://example.org/p/".to_owned(),
            boinc_app: "universal".to_owned(),
        }),
        app: "vina".to_owned(),
        bundle: "0123456789ab".to_owned(),
        batch: "ligands".to_owned(),
        outputs: vec![OutputMeta { name: "poses.pdbqt".to_owned(), max_bytes: 10, optional: false }],
        bounds: Bounds { memory_bytes: 1 << 30, disk_bytes: 1 << 30, deadline_seconds: 86_400 },
        started: 1.5,
        ..CampaignMeta::default()
    };
    campaign.set_meta(&facts).unwrap();
    assert_eq!(campaign.submitted_meta().unwrap(), Some(facts));
}

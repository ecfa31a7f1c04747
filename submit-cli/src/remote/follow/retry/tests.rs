use super::*;
use crate::campaign::bounds::Bounds;
use crate::campaign::meta::{CampaignMeta, OutputMeta, ProjectRef};
use crate::campaign::submitted::{Change, FileNames, Verdict};

const TEMPLATE: &str = "<input_template><workunit><rsc_fpops_est>1e12</rsc_fpops_est><rsc_fpops_bound>1e14</rsc_fpops_bound><rsc_memory_bound>1000</rsc_memory_bound><delay_bound>60</delay_bound><min_quorum>2</min_quorum><target_nresults>2</target_nresults><max_error_results>3</max_error_results><max_total_results>10</max_total_results><max_success_results>6</max_success_results></workunit></input_template>";
const PREFIX: &str = "vina-0123456789ab__ligands__";

/// A campaign whose jobs have this name and state.
fn campaign(dir: &tempfile::TempDir, jobs: &[(&str, JobState)]) -> Campaign {
    let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
    let meta = CampaignMeta {
        project: Some(ProjectRef {
            name: "p".to_owned(),
            url: "https://example.org/".to_owned(),
            boinc_app: "universal".to_owned(),
        }),
        app: "vina".to_owned(),
        bundle: "0123456789ab".to_owned(),
        batch: "ligands".to_owned(),
        outputs: vec![OutputMeta { name: "o".to_owned(), max_bytes: 1, optional: false }],
        bounds: Bounds { memory_bytes: 1000, disk_bytes: 1000, deadline_seconds: 60 },
        started: 0.0,
        ..CampaignMeta::default()
    };
    campaign.set_meta(&meta).unwrap();
    let round = Round {
        digest: "d1".to_owned(),
        input_template: TEMPLATE.to_owned(),
        output_template: "<output_template/>".to_owned(),
        rsc_fpops_est: 1e12,
        inputs: FileNames(vec!["buoy_0".to_owned()]),
        changed: String::new(),
    };
    let new: Vec<_> = jobs
        .iter()
        .map(|(job, _)| NewWorkunit {
            job: (*job).to_owned(),
            name: format!("{PREFIX}{job}"),
            command_line: format!("--ligand {job}"),
            inputs: FileNames(vec!["buoy_1".to_owned(), "buoy_2".to_owned()]),
            parameters: [].into(),
        })
        .collect();
    let round = campaign.add_round(&round, &new).unwrap();
    let batch = campaign.add_batch(round, 1, "batch").unwrap();
    let present: Vec<_> = new.iter().map(|workunit| (workunit.name.as_str(), None)).collect();
    campaign.note_present(batch.id, &present).unwrap();
    settle(&mut campaign, jobs);
    campaign
}

fn settle(campaign: &mut Campaign, jobs: &[(&str, JobState)]) {
    let names: BTreeMap<String, String> =
        campaign.current().unwrap().into_iter().map(|row| (row.new.job, row.new.name)).collect();
    let changes: Vec<Change> =
        jobs.iter().map(|(job, state)| Change { name: names[*job].clone(), state: *state }).collect();
    campaign.note_changes(&changes, 1.0).unwrap();
}

fn with(given: &[&str]) -> Changes {
    Changes::parse(given).unwrap()
}

use JobState::{Done, Failed, InProgress};

#[test]
fn failed_jobs_become_new_workunits_that_know_their_parents() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(&dir, &[("a", Failed), ("b", Done), ("c", Failed), ("d", InProgress)]);
    let retried = retry(&mut campaign, &[], &with(&["memory=4 GB"])).unwrap();
    assert_eq!((retried.jobs, retried.rounds), (vec!["a".to_owned(), "c".to_owned()], vec![2]));
    let attempts = campaign.attempts("a").unwrap();
    assert_eq!(attempts[1].new.name, format!("{PREFIX}a-r1"));
    assert_eq!((attempts[1].attempt, attempts[1].parent), (1, Some(attempts[0].id)));
    assert_eq!(attempts[1].new.command_line, attempts[0].new.command_line);
    assert_eq!(attempts[1].new.inputs, attempts[0].new.inputs);
    let round = &campaign.rounds().unwrap()[1].round;
    assert_eq!(bounds::number(&round.input_template, "rsc_memory_bound"), Some(4e9));
    assert_eq!(round.changed.as_str(), "memory=4 GB");
    assert_eq!(campaign.unassigned(2).unwrap().len(), 2);
}

#[test]
fn a_second_retry_counts_on_and_starts_from_what_the_first_changed() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(&dir, &[("a", Failed), ("b", Failed)]);
    retry(&mut campaign, &["a".to_owned()], &with(&["memory=2 GB"])).unwrap();
    settle(&mut campaign, &[("a", Failed)]);
    let retried = retry(&mut campaign, &[], &with(&["deadline=2 h"])).unwrap();
    assert_eq!(retried.rounds, [3, 4], "a round for each that failed jobs come from");
    let rounds = campaign.rounds().unwrap();
    let memory = |at: usize| bounds::number(&rounds[at].round.input_template, "rsc_memory_bound");
    assert_eq!((memory(2), memory(3)), (Some(1000.0), Some(2e9)));
    assert_eq!(campaign.attempts("a").unwrap()[2].new.name, format!("{PREFIX}a-r2"));
    assert_ne!(rounds[2].round.digest, rounds[3].round.digest);
}

#[test]
fn only_failed_jobs_are_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(&dir, &[("a", Done), ("b", InProgress)]);
    let message = |campaign: &mut Campaign, jobs: &[&str]| {
        let jobs: Vec<String> = jobs.iter().map(|job| (*job).to_owned()).collect();
        retry(campaign, &jobs, &Changes::default()).unwrap_err().to_string()
    };
    assert_eq!(
        message(&mut campaign, &[]),
        "no job of this campaign has failed; there is nothing to try again"
    );
    assert_eq!(message(&mut campaign, &["a"]), "job a is done; only failed jobs are tried again");
    assert_eq!(
        message(&mut campaign, &["z"]),
        "job z is not of this campaign; only failed jobs are tried again"
    );
    assert_eq!(campaign.rounds().unwrap().len(), 1);
}

#[test]
fn what_was_added_and_not_sent_is_not_added_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(&dir, &[("a", Failed), ("b", Done)]);
    let (jobs, memory) = (["a".to_owned()], with(&["memory=2 GB"]));
    retry(&mut campaign, &jobs, &memory).unwrap();
    for jobs in [&jobs[..], &[]] {
        let again = retry(&mut campaign, jobs, &memory).unwrap();
        assert_eq!((again.jobs.len(), campaign.attempts("a").unwrap().len()), (0, 2));
    }
    let other = retry(&mut campaign, &jobs, &with(&["memory=3 GB"])).unwrap_err().to_string();
    assert_eq!(other, "job a is waiting; only failed jobs are tried again");
}

#[test]
fn a_name_that_is_taken_in_any_case_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(&dir, &[("a", Failed), ("A-R1", Done)]);
    retry(&mut campaign, &[], &Changes::default()).unwrap();
    assert_eq!(campaign.attempts("a").unwrap()[1].new.name, format!("{PREFIX}a-r2"));
}

#[test]
fn names_too_long_for_another_attempt_are_shortened_and_stay_apart() {
    let dir = tempfile::tempdir().unwrap();
    let longest = MAX_BYTES - PREFIX.len();
    let (one, two) = (format!("{}1", "x".repeat(longest - 1)), format!("{}2", "x".repeat(longest - 1)));
    let mut campaign = campaign(&dir, &[(&one, Failed), (&two, Failed)]);
    retry(&mut campaign, &[], &Changes::default()).unwrap();
    let names: Vec<String> = campaign.current().unwrap().into_iter().map(|row| row.new.name).collect();
    assert_ne!(names[0], names[1]);
    for name in &names {
        assert_eq!((name.len(), name.ends_with("-r1")), (MAX_BYTES, true), "{name}");
        name.parse::<WorkunitName>().unwrap();
    }
    settle(&mut campaign, &[(&one, Failed)]);
    campaign.note_verdicts(&[Verdict { name: names[0].clone(), ..Verdict::default() }]).unwrap();
    retry(&mut campaign, &[], &Changes::default()).unwrap();
    let third = campaign.attempts(&one).unwrap().pop().unwrap().new.name;
    assert!(third.ends_with("-r2") && third.len() == MAX_BYTES, "{third}");
}

#[test]
fn changes_are_written_as_in_app_toml_and_mistakes_say_what_is_accepted() {
    let table: &[(&[&str], &str, f64)] = &[
        (&["memory=4 GB"], "rsc_memory_bound", 4e9),
        (&["memory=\"4 GB\""], "rsc_memory_bound", 4e9),
        (&["disk=1 GiB"], "rsc_disk_bound", 1_073_741_824.0),
        (&["deadline=3 days"], "delay_bound", 259_200.0),
        (&["flops=1e13"], "rsc_fpops_est", 1e13),
        (&["flops=1e13"], "rsc_fpops_bound", 1e15),
        (&["max_errors=8"], "max_error_results", 8.0),
    ];
    for (given, tag, value) in table {
        let text = with(given).apply(TEMPLATE).unwrap();
        assert_eq!(bounds::number(&text, tag), Some(*value), "{given:?}");
    }
    let mistakes = [
        (
            "memory",
            "--with memory: no \"=\" in it; accepted: KEY=VALUE with one of memory, disk, deadline, flops, flops_bound, quorum, total, max_errors, max_success, max_total",
        ),
        (
            "ram=4 GB",
            "--with ram=4 GB: there is no \"ram\" to change; accepted: memory, disk, deadline, flops, flops_bound, quorum, total, max_errors, max_success, max_total",
        ),
        (
            "deadline=soon",
            "--with deadline=soon: \"soon\" is no deadline; accepted: numbers with units, s min h days or weeks, as in \"3 days\" or \"1h 30m\"",
        ),
        (
            "max_errors=0",
            "--with max_errors=0: \"0\" is no max_errors; accepted: a whole number from 1 to 1000",
        ),
        ("flops=-1", "--with flops=-1: \"-1\" is no flops; accepted: a number, as in 1e12"),
    ];
    for (given, message) in mistakes {
        assert_eq!(Changes::parse(&[given]).unwrap_err().to_string(), message);
    }
    assert!(Changes::parse(&["memory=1 GB", "memory=2 GB"]).is_err());
}

#[test]
fn counts_that_do_not_go_together_are_refused() {
    let message = |given: &[&str]| with(given).apply(TEMPLATE).unwrap_err().to_string();
    assert_eq!(
        message(&["max_errors=11"]),
        "max_errors would be 11, and max_total 10; max_errors must not be greater than max_total: change both with --with"
    );
    assert!(message(&["flops_bound=1"]).starts_with("flops would be"));
    assert!(with(&["max_errors=11", "max_total=12"]).apply(TEMPLATE).is_ok());
    let error = with(&["memory=1 B"]).apply("<x/>").unwrap_err();
    assert!(error.to_string().contains("has no <workunit>"), "{error}");
}

//! The other side: instances, quorum, giving up.

use emulated_project::{Clock, Report, Settings, Validation, VolunteerError};

use crate::campaign::{Campaign, Job};

fn with_quorum(quorum: u32) -> Campaign {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.submit(batch, &Job { quorum, ..Job::named("j") }.xml());
    campaign
}

#[test]
fn a_quorum_needs_results_that_agree() {
    let campaign = with_quorum(2);
    let finish = |text: &str| campaign.project.finish_job("j", Report::with_outputs([text])).unwrap();
    assert_eq!(finish("right"), "j_0");
    assert!(!campaign.project.workunit("j").unwrap().is_over());
    assert_eq!(finish("wrong"), "j_1");
    let workunit = campaign.project.workunit("j").unwrap();
    assert!(workunit.instances[..2].iter().all(|i| i.validation == Validation::Inconclusive));
    assert_eq!(finish("right"), "j_2");
    let workunit = campaign.project.workunit("j").unwrap();
    let validations: Vec<Validation> = workunit.instances.iter().map(|i| i.validation).collect();
    assert_eq!(validations, [Validation::Valid, Validation::Invalid, Validation::Valid]);
    assert_eq!(workunit.canonical_result, workunit.instances[0].id);
}

#[test]
fn a_workunit_is_given_up_after_too_many_errors() {
    let campaign = with_quorum(1);
    campaign.project.fail_instance("j", 1, "").unwrap();
    assert!(!campaign.project.workunit("j").unwrap().is_over());
    campaign.project.fail_instance("j", 2, "").unwrap();
    let workunit = campaign.project.workunit("j").unwrap();
    assert_eq!(workunit.error_mask, 2);
    assert_eq!(
        campaign.project.fail_instance("j", 3, ""),
        Err(VolunteerError::NothingToSend("j".to_owned()))
    );
}

#[test]
fn an_instance_that_nobody_hears_of_is_made_again() {
    let campaign = with_quorum(1);
    assert_eq!(campaign.project.time_out("j"), Err(VolunteerError::NotInProgress("j".to_owned())));
    campaign.project.send_out("j").unwrap();
    assert_eq!(campaign.project.time_out("j").unwrap(), "j_0");
    assert_eq!(campaign.project.send_out("j").unwrap(), "j_1");
    assert_eq!(campaign.project.send_out("x"), Err(VolunteerError::NoWorkunit("x".to_owned())));
}

#[test]
fn changes_are_told_by_whole_seconds() {
    let clock = Clock::logical(1000.25);
    let mut campaign = Campaign::on(Settings { clock: clock.clone(), ..Settings::default() });
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.submit(batch, &Job::named("j").xml());
    // What changes in the second of the last poll is kept as if it had changed at its beginning: a poll from the exact
    // server_time misses it.
    clock.set(1000.75);
    campaign.project.send_out("j").unwrap();
    assert!(campaign.statuses("b", Some(1000.5)).is_empty());
    assert_eq!(campaign.statuses("b", Some(999.0)).len(), 1);
    clock.set(1002.0);
    campaign.project.finish_job("j", Report::with_outputs(["out"])).unwrap();
    assert_eq!(campaign.statuses("b", Some(1000.5)), [("j".to_owned(), "DONE".to_owned())]);
}

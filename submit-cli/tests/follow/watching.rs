use std::sync::Mutex;

use emulated_project::Fault;
use submit_cli::campaign::event::{Event, Finished, Reporter, Started};
use submit_cli::campaign::job_view::Counts;
use submit_cli::project::error::ProjectError;
use submit_cli::remote::follow::FollowError;
use submit_cli::remote::follow::watch::{Watched, watch};

use crate::sea::{Script, Sea, wu};

/// Notes what happened, one word or two for each event.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Reporter for Notes {
    fn report(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(match event {
            Event::Started(Started::Watch { jobs, .. }) => format!("started {}", jobs.total()),
            Event::Polled { jobs, changed, .. } => {
                format!("polled {changed} {}/{}", jobs.finished(), jobs.total())
            }
            Event::Failed { cause, more, count, example, .. } => {
                format!("failed {more} of {count} {example}: {cause}")
            }
            Event::Retrying { .. } => "retrying".to_owned(),
            Event::BatchUnavailable { batch, .. } => format!("unavailable {batch}"),
            Event::Finished(Finished::Watch { interrupted: false, .. }) => "finished".to_owned(),
            Event::Finished(Finished::Watch { .. }) => "interrupted".to_owned(),
            other => panic!("{other:?} is not an event of a watch"),
        });
    }
}

#[test]
fn a_watch_ends_when_all_jobs_are_over() {
    let sea = Sea::new(&[&["a", "b", "c"]]);
    let Sea { project, client, mut campaign, dir: _dir } = sea;
    let at = |steps: &dyn Fn()| {
        project.clock().advance(70.0);
        steps();
    };
    let finish = |job: &str| {
        project.finish_job(&wu(job), emulated_project::Report::with_outputs(["x"])).unwrap();
    };
    let crash = |job: &str| {
        while project.workunit(&wu(job)).unwrap().error_mask == 0 {
            project.send_out(&wu(job)).unwrap();
            project.fail_instance(&wu(job), 3, "").unwrap();
        }
    };
    let script = Script::new(
        &project,
        vec![
            Box::new(|| at(&|| finish("a"))),
            Box::new(|| at(&|| {})),
            Box::new(|| at(&|| crash("b"))),
            Box::new(|| at(&|| crash("c"))),
        ],
    );
    let notes = Notes::default();
    let watched = watch(&mut campaign, &client, &script, &notes).unwrap();
    assert_eq!(watched, Watched::Over(Counts { done: 1, failed: 2, ..Counts::default() }));
    assert_eq!(
        notes.list(),
        [
            "started 3",
            "polled 0 0/3",
            "polled 1 1/3",
            "polled 0 1/3",
            "failed 1 of 1 b: exit 3 in vina",
            "polled 1 2/3",
            "failed 1 of 2 b: exit 3 in vina",
            "polled 1 3/3",
            "finished"
        ]
    );
    assert_eq!(script.waits(), [7.5, 5.0, 7.5, 5.0]);
}

#[test]
fn an_interrupted_watch_leaves_the_campaign_as_it_is() {
    let mut sea = Sea::new(&[&["a"]]);
    let notes = Notes::default();
    let watched =
        watch(&mut sea.campaign, &sea.client, &Script::new(&sea.project, Vec::new()), &notes).unwrap();
    assert_eq!(watched, Watched::Interrupted(Counts { unsent: 1, ..Counts::default() }));
    assert_eq!(notes.list().last().unwrap(), "interrupted");
}

#[test]
fn while_the_project_is_down_the_watch_waits_longer_and_goes_on() {
    let sea = Sea::new(&[&["a"]]);
    let Sea { project, client, mut campaign, dir: _dir } = sea;
    project.set_closed(true);
    let script = Script::new(
        &project,
        vec![
            Box::new(|| {}),
            Box::new(|| project.set_closed(false)),
            Box::new(|| project.faults().on_next("query_batch2", Fault::Status500)),
            Box::new(|| {
                project.clock().advance(70.0);
                project.finish_job(&wu("a"), emulated_project::Report::with_outputs(["x"])).unwrap();
            }),
        ],
    );
    let notes = Notes::default();
    let watched = watch(&mut campaign, &client, &script, &notes).unwrap();
    assert!(matches!(watched, Watched::Over(_)));
    assert_eq!(
        notes.list(),
        ["started 1", "retrying", "retrying", "polled 0 0/1", "retrying", "polled 1 1/1", "finished"]
    );
    let waits = script.waits();
    for (wait, range) in waits.iter().zip([5.0..=10.0, 10.0..=20.0, 7.5..=7.5, 5.0..=10.0]) {
        assert!(range.contains(wait), "{waits:?}");
    }
}

#[test]
fn a_page_of_somebody_in_between_is_waited_for() {
    let sea = Sea::new(&[&["a"]]);
    let Sea { project, client, mut campaign, dir: _dir } = sea;
    project.finish_job(&wu("a"), emulated_project::Report::with_outputs(["x"])).unwrap();
    for (number, (status, page)) in
        [(200, "<html>Log in to the hotel's network</html>"), (404, "<html>not found</html>"), (200, "")]
            .into_iter()
            .enumerate()
    {
        project.faults().on("query_batch2", number as u64 + 1, Fault::Proxy(status, page.to_owned()));
    }
    let script = Script::new(&project, vec![Box::new(|| {}), Box::new(|| {}), Box::new(|| {})]);
    let notes = Notes::default();
    let watched = watch(&mut campaign, &client, &script, &notes).unwrap();
    assert_eq!(watched, Watched::Over(Counts { done: 1, ..Counts::default() }));
    assert_eq!(notes.list()[1..4], ["retrying", "retrying", "retrying"]);
}

#[test]
fn what_no_waiting_mends_ends_the_watch() {
    let mut sea = Sea::new(&[&["a"]]);
    sea.client = sea.client_with("00000000000000000000000000000000");
    let script = Script::new(&sea.project, vec![Box::new(|| panic!("it waited"))]);
    let error = watch(&mut sea.campaign, &sea.client, &script, &Notes::default()).unwrap_err();
    assert!(matches!(error, FollowError::Project(ProjectError::BadAuthenticator)), "{error:?}");
}

#[test]
fn a_batch_that_the_server_has_lost_does_not_keep_the_others_from_being_followed() {
    let mut sea = Sea::new(&[&["a"], &["b"]]);
    let mut lost = sea.campaign.batches().unwrap().remove(0);
    lost.name = "never-made".to_owned();
    lost.server_id = Some(99_999);
    sea.campaign.save_batch(&lost).unwrap();
    sea.finish("b", "");
    let notes = Notes::default();
    let watched =
        watch(&mut sea.campaign, &sea.client, &Script::new(&sea.project, Vec::new()), &notes).unwrap();
    assert_eq!(watched, Watched::Over(Counts { unsent: 1, done: 1, ..Counts::default() }));
    assert!(notes.list().contains(&"unavailable never-made".to_owned()), "{:?}", notes.list());
}

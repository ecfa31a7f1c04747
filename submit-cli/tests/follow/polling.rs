use submit_cli::campaign::Campaign;
use submit_cli::campaign::job_view::{Counts, JobState};
use submit_cli::campaign::submitted::Stage;
use submit_cli::project::error::ProjectError;
use submit_cli::remote::follow::FollowError;
use submit_cli::remote::follow::poll::{Eagerness, is_settled, poll};

use crate::sea::{Sea, wu};

use Eagerness::{Eager, Sparing};

#[test]
fn a_poll_is_one_request_for_each_batch_and_brings_what_changed() {
    let mut sea = Sea::new(&[&["a", "b"], &["c"]]);
    assert_eq!(sea.poll(Sparing).changed, 0);
    assert_eq!((sea.asked("query_batch2"), sea.project.requests().len()), (2, 2));
    sea.project.clock().advance(60.0);
    sea.project.send_out(&wu("b")).unwrap();
    let polled = sea.poll(Sparing);
    assert_eq!((polled.changed, polled.over), (1, false));
    assert_eq!(sea.counts(), Counts { unsent: 2, in_progress: 1, ..Counts::default() });
    assert_eq!(sea.project.requests().len(), 4);
    // What was told in the overlap is told once more; a quiet minute later the reply is empty of jobs.
    for _ in 0..2 {
        sea.project.clock().advance(60.0);
        assert_eq!(sea.poll(Sparing).changed, 0);
    }
    let replies = sea.project.requests().entries();
    let size = |at: usize| replies[at].bytes_out;
    assert!(size(6) < size(2), "{} and {} bytes", size(2), size(6));
}

#[test]
fn a_change_in_the_second_of_the_last_answer_is_not_missed() {
    let mut sea = Sea::new(&[&["a", "b"]]);
    sea.project.clock().set(1_800_000_000.4);
    sea.poll(Sparing);
    // Stamped 1800000000, which is before the server's time that was just told.
    sea.project.clock().set(1_800_000_000.8);
    sea.project.send_out(&wu("a")).unwrap();
    sea.project.clock().advance(30.0);
    assert_eq!(sea.poll(Sparing).changed, 1);
}

#[test]
fn what_was_told_more_than_ten_seconds_before_the_last_answer_is_not_told_again() {
    let mut sea = Sea::new(&[&["a", "b"]]);
    sea.project.send_out(&wu("a")).unwrap();
    sea.project.clock().advance(15.0);
    for _ in 0..3 {
        sea.poll(Sparing);
        sea.project.clock().advance(60.0);
    }
    let replies = sea.project.requests().entries();
    let size = |at: usize| replies[at].bytes_out;
    // A job in a reply is 100 bytes, and the server's time has more digits or fewer.
    assert!(size(1) < size(2) + 20, "{} and {} bytes", size(1), size(2));
}

#[test]
fn finished_jobs_bring_one_question_for_details_and_no_more() {
    let mut sea = Sea::new(&[&["a", "b", "c"]]);
    sea.finish("a", "");
    sea.fail(&wu("b"), 139, "boom");
    sea.poll(Sparing);
    assert_eq!(sea.asked("query_batch"), 1);
    let (done, failed) = (sea.job("a"), sea.job("b"));
    assert!(done.canonical.is_some() && done.server_id.is_some());
    assert_eq!(done.cpu_seconds, Some(12.5));
    assert_eq!(failed.cause.as_deref(), Some("exit 139 (segmentation fault) in vina"));
    assert_eq!(failed.exit_status, Some(139));
    for _ in 0..3 {
        sea.project.clock().advance(5.0);
        sea.poll(Sparing);
    }
    assert_eq!(sea.asked("query_batch"), 1, "nothing is left to learn");
}

#[test]
fn details_are_asked_for_sparingly_unless_somebody_waits_or_it_is_the_end() {
    let mut sea = Sea::new(&[&["a", "b", "c", "d"]]);
    sea.finish("a", "");
    sea.poll(Sparing);
    sea.project.clock().advance(20.0);
    sea.finish("b", "");
    sea.poll(Sparing);
    assert_eq!(sea.asked("query_batch"), 1, "the minute is not over");
    sea.poll(Eager);
    assert_eq!(sea.asked("query_batch"), 2);
    sea.project.clock().advance(20.0);
    sea.finish("c", "");
    sea.project.clock().advance(20.0);
    sea.poll(Sparing);
    assert_eq!(sea.asked("query_batch"), 2);
    sea.finish("d", "");
    let polled = sea.poll(Sparing);
    assert_eq!((polled.over, sea.asked("query_batch")), (true, 3));
    assert!(is_settled(&sea.campaign).unwrap());
    assert_eq!(sea.campaign.batches().unwrap()[0].stage, Stage::Complete);
    let before = sea.project.requests().len();
    assert!(sea.poll(Eager).over);
    assert_eq!(sea.project.requests().len(), before, "there is nothing to ask about");
}

#[test]
fn the_limit_in_a_cause_is_that_of_the_jobs_own_round() {
    let mut sea = Sea::new(&[&["a"]]);
    sea.fail(&wu("a"), 198, "");
    sea.poll(Sparing);
    assert_eq!(sea.job("a").cause.as_deref(), Some("out of memory at 1 GB (198)"), "facts say 1 byte");
}

#[test]
fn a_batch_whose_name_somebody_else_has_taken_is_asked_for_by_its_id() {
    let sea = Sea::new(&[]);
    Sea::batch_of_bob(&sea.project, "taken");
    let mut owned = Sea::adopt(sea, "taken", &["a", "b"]);
    owned.finish("a", "");
    let polled = owned.poll(Sparing);
    assert_eq!((polled.changed, polled.problems.len()), (1, 0));
    assert_eq!(owned.state("a"), JobState::Done);
    owned.project.clock().advance(61.0);
    owned.finish("b", "");
    assert!(owned.poll(Sparing).over);
    assert_eq!((owned.asked("query_batch2"), owned.asked("query_batch")), (1, 2));
}

#[test]
fn jobs_of_an_older_batch_of_our_own_with_that_name_are_not_taken_for_it() {
    let sea = Sea::new(&[]);
    sea.client.create_batch("universal", "taken").unwrap();
    let mut sea = Sea::adopt(sea, "taken", &["a"]);
    sea.finish("a", "");
    assert!(sea.poll(Sparing).over);
    assert_eq!(sea.state("a"), JobState::Done);
}

#[test]
fn a_project_that_is_down_leaves_the_campaign_as_it_is() {
    let mut sea = Sea::new(&[&["a"], &["b"]]);
    sea.project.set_closed(true);
    let now = sea.now();
    let error = poll(&mut sea.campaign, &sea.client, now, Eager).unwrap_err();
    assert!(matches!(error, FollowError::Project(ProjectError::Maintenance { .. })), "{error:?}");
    assert_eq!(sea.project.requests().len(), 1, "one batch tells enough");
    assert_eq!(sea.counts(), Counts { unsent: 2, ..Counts::default() });
    assert_eq!(sea.campaign.last_asked().unwrap(), None);
}

#[test]
fn a_reply_cut_at_any_place_is_no_answer() {
    let mut sea = Sea::new(&[&["a", "b"]]);
    sea.finish("a", "");
    for bytes in [0, 40, 200, 330] {
        sea.project.faults().on_next("query_batch2", emulated_project::Fault::CutAfter(bytes));
        let now = sea.now();
        let error = poll(&mut sea.campaign, &sea.client, now, Sparing).unwrap_err();
        assert!(matches!(&error, FollowError::Project(error) if error.try_again()), "{bytes}: {error:?}");
        assert_eq!(sea.campaign.batches().unwrap()[0].known_until, None, "{bytes}");
    }
    assert_eq!(sea.poll(Sparing).changed, 1);
}

#[test]
fn two_processes_may_follow_one_campaign() {
    let mut sea = Sea::new(&[&["a", "b"]]);
    let mut other = Campaign::open_to_follow(&sea.path("results")).unwrap();
    let _working = Campaign::open_for_run(&sea.path("results")).unwrap();
    sea.finish("a", "");
    let now = sea.now();
    assert_eq!(poll(&mut other, &sea.client, now, Eager).unwrap().changed, 1);
    assert_eq!(sea.poll(Eager).changed, 0, "told already");
    assert_eq!(sea.campaign.history().unwrap().len(), 1);
}

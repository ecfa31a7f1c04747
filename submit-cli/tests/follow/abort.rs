use emulated_project::BatchState;
use submit_cli::campaign::Campaign;
use submit_cli::campaign::job_view::{Counts, JobState};
use submit_cli::campaign::submitted::Stage;
use submit_cli::remote::follow::abort::{Aborted, abort_campaign, abort_jobs};
use submit_cli::remote::follow::poll::Eagerness;
use submit_cli::remote::follow::retire::{Losses, losses, retire};
use submit_cli::remote::follow::retry::{Changes, retry};

use crate::sea::{Sea, wu};

#[test]
fn an_aborted_campaign_keeps_what_was_done() {
    let mut sea = Sea::new(&[&["a", "b", "c"], &["d"]]);
    sea.finish("a", "");
    sea.fail(&wu("b"), 139, "");
    sea.poll(Eagerness::Eager);
    sea.project.clock().advance(60.0);
    let now = sea.now();
    let aborted = abort_campaign(&mut sea.campaign, &sea.client, now).unwrap();
    assert_eq!(aborted, Aborted { batches: 2, jobs: 2, given_up: 0, finished: 0 });
    assert_eq!(sea.counts(), Counts { done: 1, failed: 3, ..Counts::default() });
    assert_eq!(sea.job("b").cause.as_deref(), Some("exit 139 (segmentation fault) in vina"));
    assert_eq!(sea.job("c").cause.as_deref(), Some("aborted"));
    assert!(sea.campaign.batches().unwrap().iter().all(|batch| batch.stage == Stage::Aborted));
    let states: Vec<BatchState> = sea.project.batches().iter().map(|batch| batch.state).collect();
    assert_eq!(states, [BatchState::Aborted, BatchState::Aborted]);
}

#[test]
fn aborting_again_after_a_lost_reply_finishes_it() {
    let mut sea = Sea::new(&[&["a"], &["b"]]);
    sea.project.faults().on("abort_batch", 2, emulated_project::Fault::ReplyLost);
    let now = sea.now();
    abort_campaign(&mut sea.campaign, &sea.client, now).unwrap_err();
    let aborted = abort_campaign(&mut sea.campaign, &sea.client, now).unwrap();
    assert_eq!(aborted.batches, 1, "the first is noted");
    assert_eq!(sea.counts().failed, 2);
}

#[test]
fn named_jobs_are_aborted_and_the_rest_goes_on() {
    let mut sea = Sea::new(&[&["a", "b", "c", "d"]]);
    sea.finish("d", "");
    sea.poll(Eagerness::Eager);
    sea.project.clock().advance(60.0);
    let rows = ["a", "c", "d"].map(|job| sea.job(job));
    let now = sea.now();
    let aborted = abort_jobs(&mut sea.campaign, &sea.client, now, &rows).unwrap();
    assert_eq!(aborted, Aborted { batches: 0, jobs: 2, given_up: 0, finished: 1 });
    let states = ["a", "b", "c", "d"].map(|job| sea.state(job));
    use JobState::{Done, Failed, Unsent};
    assert_eq!(states, [Failed, Unsent, Failed, Done]);
    assert_eq!(sea.asked("abort_jobs"), 1);
}

#[test]
fn jobs_that_were_never_sent_are_given_up_here() {
    let mut sea = Sea::new(&[&["a"]]);
    sea.fail(&wu("a"), 3, "");
    sea.poll(Eagerness::Eager);
    let mut campaign = Campaign::open_for_run(&sea.path("results")).unwrap();
    retry(&mut campaign, &[], &Changes::default()).unwrap();
    assert_eq!(sea.counts().waiting, 1);
    let now = sea.now();
    let aborted = abort_campaign(&mut campaign, &sea.client, now).unwrap();
    assert_eq!((aborted.batches, aborted.given_up), (0, 1), "its first batch is complete");
    assert_eq!(sea.job("a").cause.as_deref(), Some("aborted"));
}

#[test]
fn a_campaign_is_retired_for_good() {
    let mut sea = Sea::new(&[&["a", "b"]]);
    sea.finish("a", "");
    sea.poll(Eagerness::Eager);
    assert_eq!(losses(&sea.campaign).unwrap(), Losses { open: 1, unfetched: 1 });
    let now = sea.now();
    assert_eq!(retire(&mut sea.campaign, &sea.client, now).unwrap(), 1);
    assert_eq!(sea.project.batches()[0].state, BatchState::Retired);
    assert_eq!(sea.job("b").cause.as_deref(), Some("its batch was retired before it finished"));
    let before = sea.project.requests().len();
    assert!(sea.poll(Eagerness::Eager).over);
    assert_eq!(retire(&mut sea.campaign, &sea.client, now).unwrap(), 0);
    assert_eq!(sea.project.requests().len(), before);
}

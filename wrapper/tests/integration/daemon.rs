//! Docker's daemon goes and comes back: the job goes on, or begins again over its own checkpoints, and is never failed
//! for it, nor run again when it had finished.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::support::{Dockerd, Engine, Running, Slot, WAITS, wait_until};

/// Goes on from its checkpoint; the first start never ends by itself.
const CHECKPOINTS: &str = "echo start >> starts\n\
    if [ -e checkpoint ]; then echo resumed > out.txt; exit 0; fi\n\
    echo 1 > checkpoint; echo x > ready; while true; do busybox sleep 1; done";

fn running(slot: &Slot) -> Running {
    let running = slot.start();
    wait_until("the job", || slot.work("ready").exists());
    // The daemon itself has noticed, too: what it has not written down is tested by itself below.
    wait_until("the daemon to know", || slot.status().as_deref() == Some("running"));
    running
}

#[track_caller]
fn assert_went_on_from_its_checkpoint(slot: &Slot) {
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "resumed\n", "{}", slot.stderr());
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nstart\n", "{}", slot.stderr());
    assert_eq!(slot.status(), None);
}

/// The same behind a front.
pub fn a_daemon_that_is_restarted_through_a_front(_: Engine) {
    a_daemon_that_is_restarted_in_the_middle_of_a_job();
}

#[test]
fn a_daemon_that_is_restarted_in_the_middle_of_a_job() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot(CHECKPOINTS);
    let mut wrapper = running(&slot);
    daemon.stop();
    daemon.restart();
    wrapper.wait_for_exit();
    wrapper.assert_success();
    assert_went_on_from_its_checkpoint(&slot);
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_of_a_job() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot(CHECKPOINTS);
    let mut wrapper = running(&slot);
    daemon.kill();
    daemon.restart();
    wrapper.wait_for_exit();
    wrapper.assert_success();
    assert_went_on_from_its_checkpoint(&slot);
}

#[test]
fn a_daemon_that_is_away_for_a_while() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot(CHECKPOINTS);
    let mut wrapper = running(&slot);
    daemon.stop();
    // Longer than the first pauses between two tries.
    thread::sleep(Duration::from_secs(8));
    daemon.restart();
    wrapper.wait_for_exit();
    wrapper.assert_success();
    assert_went_on_from_its_checkpoint(&slot);
    assert!(slot.stderr().contains("the engine does not answer, waiting for it"), "{}", slot.stderr());
}

#[test]
fn a_job_that_ends_while_a_killed_daemon_is_away_is_not_run_again() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot(WAITS);
    let mut wrapper = running(&slot);
    daemon.kill();
    fs::write(slot.work("go"), "").unwrap();
    // It may be collected already: the kernel tells of its end.
    let starts =
        || fs::read_to_string(slot.work("starts")).or_else(|_| fs::read_to_string(slot.dir.join("starts")));
    wait_until("the job's end", || starts().is_ok_and(|text| text.ends_with("end\n")));
    thread::sleep(Duration::from_millis(500));
    daemon.restart();
    wrapper.wait_for_exit();
    wrapper.assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nend\n", "{}", slot.stderr());
    assert_eq!(
        slot.engine.status(&slot.container()),
        None,
        "the container is removed once the daemon is back"
    );
}

#[test]
fn a_daemon_that_is_away_at_the_start_means_to_try_later() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot("echo done > out.txt");
    daemon.stop();
    let wrapper = slot.run();
    assert_eq!(wrapper.finish(), None);
    let exit = wrapper.temporary_exit().expect("a temporary exit");
    assert!(exit.reason.text.contains("Cannot connect to the Docker daemon"), "{exit:?}");
    drop(wrapper);
    daemon.restart();
    slot.run().assert_success();
}

#[test]
fn a_quit_is_obeyed_while_the_daemon_is_away() {
    let Some(mut daemon) = Dockerd::start() else { return };
    let slot = daemon.slot(CHECKPOINTS);
    let mut wrapper = running(&slot);
    daemon.stop();
    wait_until("the wrapper to see it", || slot.stderr().contains("does not answer"));
    let asked = std::time::Instant::now();
    wrapper.send(boinc::wire::message::Control::Quit);
    wrapper.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_eq!(wrapper.finish(), None);
    drop(wrapper);
    daemon.restart();
    slot.run().assert_success();
    assert_went_on_from_its_checkpoint(&slot);
}

/// The daemon comes back without a word of the start, or takes up what it finds running: either way one run goes on.
#[test]
fn a_daemon_that_is_killed_while_it_starts_a_container() {
    let Some(mut daemon) = Dockerd::start() else { return };
    for _ in 0..3 {
        let slot = daemon.slot(
            "echo start >> starts; echo x > ready\nwhile ! [ -e go ]; do busybox usleep 20000; done; echo end >> starts",
        );
        let mut wrapper = slot.start();
        // The job runs before `docker start` has come back.
        while !slot.work("ready").exists() {
            thread::yield_now();
        }
        daemon.kill();
        daemon.restart();
        wait_until("the container to run", || slot.status().as_deref() == Some("running"));
        thread::sleep(Duration::from_secs(2));
        fs::write(slot.work("go"), "").unwrap();
        wrapper.wait_for_exit();
        wrapper.assert_success();
        thread::sleep(Duration::from_millis(300));
        let starts = fs::read_to_string(slot.dir.join("starts")).unwrap();
        let unseen = fs::read_to_string(slot.work("starts")).unwrap_or_default();
        assert_eq!((starts.matches("end").count(), unseen.as_str()), (1, ""), "{starts}{}", slot.stderr());
    }
}

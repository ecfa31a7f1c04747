//! Suspend, resume, quit, abort, and a client that is gone.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use boinc::wire::message::Control;

use crate::support::{AGENT_VARIABLE, Engine, Running, Slot, wait_until, wrapper};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    suspend_freezes_the_job_and_resume_lets_it_go_on,
    suspend_before_the_start_runs_nothing,
    quit_freezes_the_job_and_the_next_start_goes_on_where_it_was,
    abort_removes_the_container,
    abort_of_a_suspended_job_removes_the_container,
    a_termination_signal_is_a_quit,
    a_client_that_is_gone_is_a_quit,
    quit_and_abort_are_obeyed_during_a_long_build,
    a_second_wrapper_in_the_slot_does_no_harm,
);

with_rootless_podman!(
    suspend_freezes_the_job_and_resume_lets_it_go_on,
    quit_freezes_the_job_and_the_next_start_goes_on_where_it_was,
    abort_removes_the_container,
    abort_of_a_suspended_job_removes_the_container,
    a_client_that_is_gone_is_a_quit,
);

/// Appends a line about every 50 ms, 100 times, and counts its starts.
const TICKER: &str = "echo start >> starts\n\
    i=0; while [ $i -lt 100 ]; do echo $i >> ticks; busybox usleep 50000; i=$((i+1)); done";

fn ticks(slot: &Slot) -> usize {
    fs::read_to_string(slot.work("ticks")).map(|text| text.lines().count()).unwrap_or(0)
}

fn starts(slot: &Slot) -> usize {
    let text =
        fs::read_to_string(slot.dir.join("starts")).or_else(|_| fs::read_to_string(slot.work("starts")));
    text.map(|text| text.lines().count()).unwrap_or(0)
}

fn ticking(engine: Engine) -> (Slot, Running) {
    let slot = Slot::with_script(engine, TICKER);
    let running = slot.start();
    wait_until(&format!("the first ticks; {}", slot.stderr()), || ticks(&slot) > 2);
    (slot, running)
}

#[track_caller]
fn assert_frozen(slot: &Slot) {
    let before = ticks(slot);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(ticks(slot), before, "the job goes on");
}

pub fn suspend_freezes_the_job_and_resume_lets_it_go_on(engine: Engine) {
    let (slot, mut running) = ticking(engine);
    running.send(Control::Suspend);
    wait_until("the pause", || slot.is_frozen());
    assert_frozen(&slot);
    running.send(Control::Resume);
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(starts(&slot), 1);
}

fn suspend_before_the_start_runs_nothing(engine: Engine) {
    let slot = Slot::with_script(engine, "echo start >> starts");
    let mut running = slot.start();
    running.send(Control::Suspend);
    let frozen = || {
        matches!(engine.status(&slot.container()).as_deref(), None | Some("created" | "paused" | "exited"))
    };
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(frozen());
    running.send(Control::Resume);
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(starts(&slot), 1);
}

pub fn quit_freezes_the_job_and_the_next_start_goes_on_where_it_was(engine: Engine) {
    let (slot, mut running) = ticking(engine);
    let asked = Instant::now();
    running.send(Control::Quit);
    let status = running.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    assert_eq!(running.finish(), None, "a quit is no end");
    assert_frozen(&slot);
    slot.run().assert_success();
    assert_eq!(starts(&slot), 1, "the job was not run again");
    assert_eq!(fs::read_to_string(slot.dir.join("ticks")).unwrap().lines().count(), 100);
}

pub fn abort_removes_the_container(engine: Engine) {
    let (slot, mut running) = ticking(engine);
    let asked = Instant::now();
    running.send(Control::Abort);
    running.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(engine.status(&slot.container()), None);
}

fn abort_of_a_suspended_job_removes_the_container(engine: Engine) {
    let (slot, mut running) = ticking(engine);
    running.send(Control::Suspend);
    wait_until("the pause", || slot.is_frozen());
    let asked = Instant::now();
    running.send(Control::Abort);
    running.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(engine.status(&slot.container()), None);
}

fn a_termination_signal_is_a_quit(engine: Engine) {
    let (slot, mut running) = ticking(engine);
    let killed = Command::new("kill").arg(running.pid().to_string()).status().unwrap();
    assert!(killed.success());
    running.wait_for_exit();
    assert!(slot.is_frozen());
}

pub fn a_client_that_is_gone_is_a_quit(engine: Engine) {
    let mut slot = Slot::with_script(engine, TICKER);
    let mut client = Command::new("sleep").arg("100").spawn().unwrap();
    slot.init_data.client_pid = Some(client.id().cast_signed());
    let mut running = slot.start();
    wait_until("the first ticks", || ticks(&slot) > 2);
    client.kill().unwrap();
    client.wait().unwrap();
    let gone = Instant::now();
    running.wait_for_exit();
    assert!(gone.elapsed() < Duration::from_secs(3), "{:?}", gone.elapsed());
    assert_frozen(&slot);
}

fn quit_and_abort_are_obeyed_during_a_long_build(engine: Engine) {
    for control in [Control::Quit, Control::Abort] {
        let mut slot = Slot::empty(engine);
        slot.copy(
            "Dockerfile",
            "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/busybox\"]\n\
             RUN [\"/bin/busybox\", \"sleep\", \"25\"]\n",
        );
        slot.busybox().own_image();
        let mut running = slot.start();
        wait_until("the build", || slot.stderr().contains("building image"));
        std::thread::sleep(Duration::from_secs(1));
        let asked = Instant::now();
        running.send(control);
        running.wait_for_exit();
        assert!(asked.elapsed() < Duration::from_secs(2), "{control:?}: {:?}", asked.elapsed());
        assert_eq!(running.finish(), None);
    }
}

pub fn a_second_wrapper_in_the_slot_does_no_harm(engine: Engine) {
    let (slot, mut first) = ticking(engine);
    let second = Command::new(wrapper())
        .env(AGENT_VARIABLE, env!("CARGO_BIN_EXE_buoy-wrapper"))
        .current_dir(&slot.dir)
        .stderr(std::process::Stdio::null())
        .spawn();
    let mut second = second.unwrap();
    first.wait_for_exit();
    first.assert_success();
    assert_eq!(starts(&slot), 1);
    // It waits for the slot, finds the job finished, and says so again.
    assert!(second.wait().unwrap().success());
    assert_eq!(starts(&slot), 1);
}

//! What needs the network: while the volunteer has suspended it, and when it fails.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::support::{Engine, Slot, wait_until};
use crate::with_each_engine;

with_each_engine!(
    an_image_waits_for_a_suspended_network,
    a_step_stands_still_while_the_network_is_suspended,
    a_job_with_a_network_stands_still_while_it_is_suspended,
    a_failing_step_with_a_network_is_tried_again_and_fails_the_job_after_a_day,
    a_host_that_is_offline_never_fails_the_job,
    a_registry_that_does_not_answer_is_not_the_jobs_fault,
);

/// A slot whose image has this step and whose job does nothing.
fn with_step(engine: Engine, step: &str) -> Slot {
    add_step(Slot::empty(engine), step)
}

fn add_step(mut slot: Slot, step: &str) -> Slot {
    let step = serde_json::to_string(&["/bin/busybox", "sh", "-c", step]).unwrap();
    slot.copy(
        "Dockerfile",
        &format!(
            "FROM scratch\nCOPY busybox /bin/busybox\nRUN {step}\nENTRYPOINT [\"/bin/busybox\", \"true\"]\n"
        ),
    );
    slot.busybox().own_image();
    slot
}

fn an_image_waits_for_a_suspended_network(engine: Engine) {
    let mut slot = with_step(engine, "true");
    slot.network_suspended = true;
    let mut running = slot.start();
    let mut asked = false;
    for _ in 0..40 {
        asked |= running.take_status().is_some_and(|status| status.want_network);
        thread::sleep(Duration::from_millis(100));
    }
    assert!(asked, "the client is not told");
    assert!(!slot.stderr().contains("building image"), "{}", slot.stderr());
    running.suspend_network(false);
    running.wait_for_exit();
    running.assert_success();
    assert!(!running.last_status.as_ref().unwrap().want_network);
}

fn a_step_stands_still_while_the_network_is_suspended(engine: Engine) {
    let mut slot = with_step(engine, "/bin/busybox sleep 3");
    slot.network_suspended = false;
    let mut running = slot.start();
    wait_until("the step", || slot.stderr().contains("RUN"));
    running.suspend_network(true);
    thread::sleep(Duration::from_secs(5));
    assert!(!slot.stderr().contains("is ready"), "{}", slot.stderr());
    running.suspend_network(false);
    running.wait_for_exit();
    running.assert_success();
}

fn a_job_with_a_network_stands_still_while_it_is_suspended(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "i=0; while [ $i -lt 60 ]; do echo $i >> ticks; busybox usleep 50000; i=$((i+1)); done",
    );
    slot.copy("job.toml", "network = true\n");
    slot.app_file("policy.toml", "network = true\n");
    let mut running = slot.start();
    let ticks = || fs::read_to_string(slot.work("ticks")).map_or(0, |text| text.lines().count());
    wait_until("the first ticks", || ticks() > 2);
    running.suspend_network(true);
    wait_until("the pause", || slot.is_frozen());
    let before = ticks();
    thread::sleep(Duration::from_millis(700));
    assert_eq!(ticks(), before);
    running.suspend_network(false);
    running.wait_for_exit();
    running.assert_success();
}

fn a_failing_step_with_a_network_is_tried_again_and_fails_the_job_after_a_day(engine: Engine) {
    let slot = with_step(engine, "echo cannot resolve mirror; exit 100");
    let exit = slot.run().temporary_exit().expect("a temporary exit");
    assert_eq!(exit.delay_seconds, 60);
    let text = exit.reason.text;
    assert!(
        text.starts_with("failed to build the image: line 3: RUN ") && text.contains("status 100"),
        "{text}"
    );
    assert!(slot.stderr().contains("cannot resolve mirror"), "{}", slot.stderr());
    for _ in 0..6 {
        assert!(slot.run().temporary_exit().is_some(), "six attempts within a minute prove nothing");
    }
    // Yesterday's first attempt, as the state notes it.
    let path = fs::read_dir(slot.state_dir().join("results")).unwrap().next().unwrap().unwrap().path();
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let first = state["network_failures"]["first"].as_u64().unwrap();
    state["network_failures"]["first"] = (first - 90_000).into();
    fs::write(&path, state.to_string()).unwrap();
    slot.run().assert_status(206);
}

fn a_host_that_is_offline_never_fails_the_job(engine: Engine) {
    let mut slot = Slot::empty(engine);
    // Its server cannot be found.
    let project = slot.root.path().join("projects/nothing.invalid_test");
    fs::rename(&slot.project, &project).unwrap();
    slot.project.clone_from(&project);
    slot.init_data.project_dir = project;
    let slot = add_step(slot, "exit 100");
    for _ in 0..3 {
        let exit = slot.run().temporary_exit().expect("a temporary exit");
        assert_eq!(exit.delay_seconds, 600);
        assert!(exit.reason.text.starts_with("this host is offline: "), "{exit:?}");
    }
}

fn a_registry_that_does_not_answer_is_not_the_jobs_fault(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy("Dockerfile", "FROM registry.invalid/tool:1\nENTRYPOINT [\"/tool\"]\n");
    let exit = slot.run().temporary_exit().expect("a temporary exit");
    assert!(exit.reason.text.contains("failed to pull registry.invalid/tool:1"), "{exit:?}");
}

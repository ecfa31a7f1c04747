//! Nothing is run twice and nothing is lost: kills, removals, restarts, hosts that can't.

use std::fs;

use boinc::wire::message::Control;

use crate::support::{Engine, Slot, WAITS, assert_ran_once, go, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_killed_wrapper_is_followed_by_one_that_attaches,
    a_job_that_ends_while_the_wrapper_is_away_is_collected,
    a_job_that_failed_while_the_wrapper_was_away_has_failed,
    a_wrapper_killed_while_building_builds_again,
    kills_at_random_moments_lose_nothing_and_run_nothing_twice,
    a_container_removed_behind_our_back_is_made_again_over_the_same_files,
    a_container_killed_from_outside_is_started_again,
    a_container_that_its_engine_cannot_start_is_made_again,
    a_container_that_its_engine_cannot_continue_is_made_again,
    a_finished_job_whose_client_missed_it_is_not_run_again,
    a_host_without_an_engine_tries_later_with_a_reason,
    an_engine_that_refuses_its_user_says_what_to_do,
    an_engine_that_does_not_run_is_waited_for_with_a_reason,
    an_engine_that_says_in_new_words_that_it_does_not_run_is_waited_for,
    a_disk_that_is_full_during_the_build_tries_later_with_a_reason,
    a_work_directory_that_cannot_be_written_tries_later,
);

with_rootless_podman!(
    a_killed_wrapper_is_followed_by_one_that_attaches,
    a_job_that_ends_while_the_wrapper_is_away_is_collected,
    a_container_removed_behind_our_back_is_made_again_over_the_same_files,
    a_container_killed_from_outside_is_started_again,
);

fn started(slot: &Slot) -> crate::support::Running {
    let running = slot.start();
    wait_until(&format!("the job; {}", slot.stderr()), || slot.work("ready").exists());
    running
}

fn a_killed_wrapper_is_followed_by_one_that_attaches(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    started(&slot).kill();
    assert_eq!(engine.status(&slot.container()).as_deref(), Some("running"), "the job goes on");
    let mut second = slot.start();
    wait_until("the wrapper to attach", || slot.stderr().matches("starting").count() == 2);
    go(&slot);
    second.wait_for_exit();
    second.assert_success();
    assert_ran_once(&slot);
}

fn a_job_that_ends_while_the_wrapper_is_away_is_collected(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    started(&slot).kill();
    go(&slot);
    wait_until("the job's end", || engine.status(&slot.container()).as_deref() == Some("exited"));
    slot.run().assert_success();
    assert_ran_once(&slot);
}

fn a_job_that_failed_while_the_wrapper_was_away_has_failed(engine: Engine) {
    let slot = Slot::with_script(engine, "echo start >> starts; echo x > ready\nbusybox sleep 1; exit 7");
    started(&slot).kill();
    wait_until("the job's end", || engine.status(&slot.container()).as_deref() == Some("exited"));
    slot.run().assert_status(7);
}

fn a_wrapper_killed_while_building_builds_again(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sleep\", \"2\"]\nWORKDIR /app\n\
         ENTRYPOINT [\"/bin/busybox\", \"touch\", \"/app/out.txt\"]\n",
    );
    slot.busybox().own_image();
    let mut first = slot.start();
    wait_until("the build", || slot.stderr().contains("building image"));
    std::thread::sleep(std::time::Duration::from_millis(700));
    first.kill();
    slot.run().assert_success();
    assert!(slot.dir.join("out.txt").exists());
}

fn kills_at_random_moments_lose_nothing_and_run_nothing_twice(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "echo start >> starts; busybox sleep 1; echo done > out.txt; echo end >> starts",
    );
    // From before the engine is first asked until after the job's end.
    for milliseconds in [30_u64, 60, 120, 250, 400, 600, 900] {
        let mut running = slot.start();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        running.kill();
    }
    slot.run().assert_success();
    assert_ran_once(&slot);
}

fn a_container_removed_behind_our_back_is_made_again_over_the_same_files(engine: Engine) {
    let slot = Slot::with_script(engine, WITH_CHECKPOINT);
    let mut running = started(&slot);
    engine.run(&["rm", "--force", &slot.container()]);
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "resumed\n");
    assert!(slot.stderr().contains("the container is gone"), "{}", slot.stderr());
}

const WITH_CHECKPOINT: &str = "if [ -e checkpoint ]; then echo resumed > out.txt; exit 0; fi\n\
     echo 1 > checkpoint; echo x > ready; while true; do busybox sleep 1; done";

/// As after an update of the engine or of its runtime, or when its mounts cannot be seen any more.
fn break_container(slot: &mut Slot, verb: &str) {
    let program = slot.engine.program();
    let real = String::from_utf8(std::process::Command::new("which").arg(program).output().unwrap().stdout);
    let real = real.unwrap().trim().to_owned();
    let output = slot.try_ask(&["inspect", "--format", "{{.Id}}", &slot.container()]);
    let broken = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let container = slot.container();
    slot.fake_engine(&format!(
        "case \" $* \" in *' {verb} '*)\n\
         if [ \"$({real} inspect --format '{{{{.Id}}}}' {container})\" = {broken} ]; then\n\
         echo 'Error response from daemon: its mount is gone' >&2; exit 1; fi;; esac\n\
         exec {real} \"$@\""
    ));
}

/// The wrapper is away when this is done to the container, and the engine then fails to do the other.
fn assert_made_again(engine: Engine, done: &str, fails: &str) {
    let mut slot = Slot::with_script(engine, WITH_CHECKPOINT);
    started(&slot).kill();
    engine.run(&[done, &slot.container()]);
    break_container(&mut slot, fails);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "resumed\n");
    assert!(slot.stderr().contains("its mount is gone"), "{}", slot.stderr());
}

fn a_container_that_its_engine_cannot_start_is_made_again(engine: Engine) {
    assert_made_again(engine, "kill", "start");
}

fn a_container_that_its_engine_cannot_continue_is_made_again(engine: Engine) {
    assert_made_again(engine, "pause", "unpause");
}

pub fn a_container_killed_from_outside_is_started_again(engine: Engine) {
    let slot = Slot::with_script(engine, WITH_CHECKPOINT);
    let mut running = started(&slot);
    engine.run(&["kill", &slot.container()]);
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "resumed\n");
    assert!(slot.stderr().contains("killed from outside"), "{}", slot.stderr());
}

pub fn a_finished_job_whose_client_missed_it_is_not_run_again(engine: Engine) {
    let slot = Slot::with_script(engine, "echo start >> starts; echo done > out.txt; echo end >> starts");
    slot.run().assert_success();
    // The client was killed before it read the finish file; it is gone when we start again.
    slot.run().assert_success();
    assert_ran_once(&slot);
}

pub fn a_host_without_an_engine_tries_later_with_a_reason(engine: Engine) {
    if engine != Engine::Docker {
        return;
    }
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("fake", "");
    // The usual places are looked at as well as PATH, so this host's engines have to be hidden from it.
    slot.isolate_from_engines();
    let delays: Vec<u32> = (0..3)
        .map(|_| {
            let running = slot.run();
            assert_eq!(running.finish(), None);
            let exit = running.temporary_exit().expect("a temporary exit");
            assert!(exit.reason.text.contains("neither docker nor podman is installed"), "{exit:?}");
            assert!(exit.reason.notice);
            exit.delay_seconds
        })
        .collect();
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
}

fn an_engine_that_refuses_its_user_says_what_to_do(engine: Engine) {
    if engine != Engine::Docker {
        return;
    }
    let mut slot = Slot::with_script(engine, "true");
    slot.fake_docker(
        "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
    );
    let running = slot.run();
    let exit = running.temporary_exit().expect("a temporary exit");
    assert!(
        exit.reason.text.contains("add the user that runs the BOINC client to the engine's group"),
        "{exit:?}"
    );
}

/// With a `docker` that only says this.
fn assert_waited_for(engine: Engine, docker: &str, reason: &str) {
    if engine != Engine::Docker {
        return;
    }
    let mut slot = Slot::with_script(engine, "true");
    slot.fake_docker(docker);
    let mut running = slot.start();
    wait_until("the reason", || {
        slot.stderr().contains(&format!("the engine does not answer, waiting for it: {reason}"))
    });
    running.send(Control::Quit);
    running.wait_for_exit();
    assert_eq!(running.finish(), None, "the job has not failed");
}

fn an_engine_that_does_not_run_is_waited_for_with_a_reason(engine: Engine) {
    assert_waited_for(
        engine,
        "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1",
        "Cannot connect to the Docker daemon",
    );
}

fn an_engine_that_says_in_new_words_that_it_does_not_run_is_waited_for(engine: Engine) {
    assert_waited_for(
        engine,
        "case $1 in context) echo '\"unix:///run/missing.sock\"' ;; *) echo 'no answer' >&2; exit 1 ;; esac",
        "no answer",
    );
}

fn a_disk_that_is_full_during_the_build_tries_later_with_a_reason(engine: Engine) {
    if engine != Engine::Docker {
        return;
    }
    let mut slot = Slot::with_script(engine, "true");
    slot.own_images();
    slot.fake_docker(
        "case $1 in\n\
         version) echo '{\"Client\":{\"Version\":\"1\"},\"Server\":{\"Version\":\"1\"}}' ;;\n\
         info) echo '{\"ServerVersion\":\"1\",\"Architecture\":\"x86_64\"}' ;;\n\
         cp) echo 'write /data: no space left on device' >&2; exit 1 ;;\n\
         import) echo sha256:$(printf '%064d' 1) ;;\n\
         create) echo done ;;\n\
         container) echo 'Error: No such container: x' >&2; exit 1 ;;\n\
         *) echo 'Error: No such image: x' >&2; exit 1 ;;\n\
         esac",
    );
    let running = slot.run();
    assert_eq!(running.finish(), None, "{}", slot.stderr());
    let exit = running.temporary_exit().expect("a temporary exit");
    assert!(exit.reason.text.contains("no space left for the engine"), "{exit:?}");
    assert!(exit.reason.notice, "the volunteer can mend it");
}

fn a_work_directory_that_cannot_be_written_tries_later(engine: Engine) {
    let slot = Slot::with_script(engine, "true");
    // Root may write anywhere but on a file system that is read-only.
    let own = slot.dir.join("buoy");
    fs::create_dir_all(&own).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "ro,mode=700", "tmpfs"])
        .arg(&own)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("nothing can be mounted here: left out");
        return;
    }
    let running = slot.run();
    let _ = std::process::Command::new("umount").arg("--lazy").arg(&own).status();
    let exit = running.temporary_exit().expect("a temporary exit");
    assert!(exit.reason.text.contains("Read-only file system"), "{exit:?}");
}

/// Quit in the middle, then a kill of the next wrapper, then a third: the job is still the first one.
#[test]
fn quit_then_kill_then_go_on() {
    crate::support::each_engine(Engine::Docker, |engine| {
        let slot = Slot::with_script(engine, WAITS);
        let mut first = started(&slot);
        first.send(Control::Quit);
        first.wait_for_exit();
        let mut second = slot.start();
        wait_until("the job to go on", || engine.status(&slot.container()).as_deref() == Some("running"));
        second.kill();
        go(&slot);
        slot.run().assert_success();
        assert_ran_once(&slot);
    });
}

/// A disk that is full when the wrapper wants to say something.
#[test]
fn a_log_that_cannot_be_written_does_not_end_the_job() {
    crate::support::each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(engine, "echo done > out.txt");
        slot.log_to_full_disk = true;
        slot.run().assert_success();
        assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "done\n");
    });
}

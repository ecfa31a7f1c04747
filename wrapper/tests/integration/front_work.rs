//! Where an agent has the work directory: in its own system, or in the slot.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use boinc::job::policy::VOLUNTEER_FILE;
use wrapper::agent_lock::slot_name;

use crate::support::{Engine, Running, Slot, WAITS, agent_of, assert_ran_once, go, wait_until};

mod docker {
    crate::through_front!(Docker:
        front_work::outputs_come_from_another_file_system_and_nothing_is_left,
        front_work::what_another_result_has_left_is_not_used,
        front_work::what_tasks_of_other_slots_have_left_is_removed,
        front_work::a_work_directory_that_is_gone_is_made_again,
        front_work::another_system_may_have_another_engine,
        front_work::the_policy_can_keep_it_in_the_slot,
        front_work::an_agent_killed_at_the_end_of_the_job_loses_no_output,
        front_work::all_of_it_is_removed_by_clean,
    );
}

mod podman {
    crate::through_front!(Podman:
        front_work::outputs_come_from_another_file_system_and_nothing_is_left,
        front_work::a_work_directory_that_is_gone_is_made_again,
        front_work::the_policy_can_keep_it_in_the_slot,
        front_work::all_of_it_is_removed_by_clean,
    );
}

/// An ordinary user can't read what a job has closed.
mod rootless {
    crate::through_front!(RootlessPodman: front_work::all_of_it_is_removed_by_clean);
}

fn started(slot: &Slot) -> Running {
    let running = slot.start();
    let deadline = Instant::now() + Duration::from_secs(100);
    while !slot.work("ready").exists() {
        assert!(Instant::now() < deadline && running.temporary_exit().is_none(), "{}", slot.stderr());
        thread::sleep(Duration::from_millis(10));
    }
    running
}

/// Kills a front, and waits until its agent has paused the job and left.
fn kill(mut running: Running) {
    let agent = agent_of(running.pid());
    running.kill();
    wait_until("the agent to leave", || !Path::new(&format!("/proc/{agent}")).exists());
}

/// Neither under its name, nor under that of something to be removed.
#[track_caller]
fn assert_nothing_is_left(slot: &Slot) {
    let name = slot_name(&slot.dir.canonicalize().unwrap());
    let entries = fs::read_dir(slot.distro_dir().join("work")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = names.filter(|found| found.contains(&name)).collect();
    assert_eq!(left, [""; 0], "{}", slot.stderr());
    assert!(!slot.dir.join("buoy").exists());
}

fn outputs_come_from_another_file_system_and_nothing_is_left(engine: Engine) {
    // In memory, so another one than that of the slot.
    let distro = tempfile::Builder::new().prefix("buoy-test-").tempdir_in("/dev/shm").unwrap();
    let script = format!(
        "busybox cat linked copied > out.txt; echo more >> copied; echo 1 > other.txt; {WAITS}; \
         echo 0.5 > fraction_done"
    );
    let mut slot = Slot::with_script(engine, &script);
    slot.images = Some(distro.path().to_owned());
    slot.link_input("linked", b"linked\n");
    slot.copy("copied", "copied\n");
    let linked = slot.link_output("out.txt", 0);
    let mut running = started(&slot);
    assert!(slot.work("copied").exists() && !slot.dir.join("buoy").exists());
    assert!(slot.dir.join("copied").exists(), "the distro may be removed while the task runs");
    assert_eq!(fs::read_to_string(slot.work("out.txt")).unwrap(), "linked\ncopied\n");
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(fs::read_to_string(&linked).unwrap(), "done\n");
    assert_eq!(fs::read_to_string(slot.dir.join("other.txt")).unwrap(), "1\n");
    assert_eq!(fs::read_to_string(slot.dir.join("copied")).unwrap(), "copied\n", "inputs are no outputs");
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nend\n");
    assert_nothing_is_left(&slot);
    let in_project = fs::read_dir(&slot.project).unwrap();
    let names = in_project.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with('.')).count(), 0);
}

fn what_another_result_has_left_is_not_used(engine: Engine) {
    let mut slot = Slot::with_script(engine, WAITS);
    kill(started(&slot));
    let old = slot.container();
    fs::rename(slot.work("ready"), slot.work("old")).unwrap();
    slot.init_data.result_name += "_next";
    let mut running = started(&slot);
    assert!(!slot.work("old").exists());
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
    assert_nothing_is_left(&slot);
    let _ = slot.try_ask(&["rm", "--force", &old]);
}

fn what_tasks_of_other_slots_have_left_is_removed(engine: Engine) {
    let slot = Slot::with_script(engine, "busybox sleep 1");
    let mut gone = Slot::with_script(engine, WAITS);
    kill(started(&gone));
    let waiting = Slot::with_script(engine, WAITS);
    kill(started(&waiting));
    gone.init_data.result_name += "_next";
    fs::write(gone.dir.join("init_data.xml"), gone.init_data.render()).unwrap();
    slot.run().assert_success();
    wait_until("its removal", || !gone.own_dir().exists());
    assert!(waiting.work("ready").exists());
    gone.init_data.result_name.truncate(gone.init_data.result_name.len() - "_next".len());
}

/// As when the distro is unregistered, or another one takes its place; the container may still be there.
fn a_work_directory_that_is_gone_is_made_again(engine: Engine) {
    let mut slot = Slot::with_script(engine, WAITS);
    slot.copy("copied", "x");
    kill(started(&slot));
    fs::remove_dir_all(slot.own_dir()).unwrap();
    let mut running = started(&slot);
    assert!(slot.stderr().contains("is gone: the job starts from scratch"), "{}", slot.stderr());
    assert!(slot.work("copied").exists());
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
    assert_nothing_is_left(&slot);
}

/// As when BOINC's own distro, which has Podman, is installed next to one with Docker.
fn another_system_may_have_another_engine(engine: Engine) {
    if !Engine::Podman.is_wanted() {
        return;
    }
    let mut slot = Slot::with_script(engine, WAITS);
    kill(started(&slot));
    let _ = slot.try_ask(&["rm", "--force", &slot.container()]);
    fs::remove_dir_all(slot.own_dir()).unwrap();
    slot.use_engine(Engine::Podman);
    let mut running = started(&slot);
    assert_eq!(slot.status().as_deref(), Some("running"), "{}", slot.stderr());
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
}

/// And keeps it there for a task that has begun, whatever the policy says later.
fn the_policy_can_keep_it_in_the_slot(engine: Engine) {
    let mut slot = Slot::with_script(engine, WAITS);
    slot.work_in_slot = true;
    slot.copy("copied", "x");
    let policy = slot.init_data.boinc_dir.join(VOLUNTEER_FILE);
    fs::write(&policy, "work_directory = \"slot\"\n").unwrap();
    kill(started(&slot));
    assert!(!slot.dir.join("copied").exists(), "it was moved");
    fs::remove_file(&policy).unwrap();
    let mut running = slot.start();
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
    assert!(slot.dir.join("buoy/work").exists(), "the client removes it");
}

/// The output is so large that many of the moments are during its copy.
fn an_agent_killed_at_the_end_of_the_job_loses_no_output(engine: Engine) {
    let distro = tempfile::Builder::new().prefix("buoy-test-").tempdir_in("/dev/shm").unwrap();
    let script = format!("busybox head -c 60000000 /dev/zero > large; {WAITS}");
    let mut slot = Slot::with_script(engine, &script);
    slot.images = Some(distro.path().to_owned());
    let large = slot.link_output("large", 0);
    let mut running = started(&slot);
    go(&slot);
    let mut kills = 0;
    // The copy is in our own directory of the slot before it gets its name.
    while kills < 3 && running.finish().is_none() {
        wait_until("the copy", || slot.dir.join("buoy").exists() || running.finish().is_some());
        let agent = agent_of(running.pid());
        if agent != 0 && running.finish().is_none() {
            let _ = std::process::Command::new("kill").args(["-KILL", &agent.to_string()]).status();
            kills += 1;
            wait_until("its end", || agent_of(running.pid()) != agent || running.finish().is_some());
            if running.finish().is_none() {
                let at_its_place = fs::metadata(&large).map(|data| data.len());
                assert!(at_its_place.is_err() || at_its_place.is_ok_and(|length| length == 60_000_000));
            }
        }
    }
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(fs::metadata(&large).unwrap().len(), 60_000_000);
    assert_ran_once(&slot);
    assert_nothing_is_left(&slot);
    assert!(kills > 0);
}

fn all_of_it_is_removed_by_clean(engine: Engine) {
    let mut slot = Slot::with_script(engine, &format!("mkdir -p closed/below; chmod 000 closed; {WAITS}"));
    let system = slot.root.path().join("agents");
    slot.images = Some(system.clone());
    kill(started(&slot));
    let container = slot.container();
    let program = match slot.host.user() {
        Some(_) => slot.root.path().join("buoy-agent"),
        None => env!("CARGO_BIN_EXE_buoy-wrapper").into(),
    };
    let clean = |words: &[&str]| {
        let mut command = slot.host.command(&program);
        let output = command.current_dir("/").arg("--clean").arg(&system).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = clean(&["--dry-run"]);
    assert!(shown.contains(" container ") && shown.contains(" image "), "{shown}");
    assert!(slot.work("ready").exists() && slot.status().is_some(), "a dry run removes nothing");
    let removed = clean(&[]);
    assert!(!system.exists() && !slot.try_ask(&["inspect", &container]).status.success(), "{removed}");
    let mut running = started(&slot);
    go(&slot);
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
}

//! What stays after a quit, so that the agent's system runs on for a paused job.

use std::fs;
use std::path::PathBuf;

use boinc::job::policy::VOLUNTEER_FILE;
use boinc::wire::message::Control;

use crate::front::kill;
use crate::support::{Engine, Running, Slot, WAITS, agent_of, assert_ran_once, wait_until};

mod docker {
    crate::through_front!(Docker:
        front_keeper::one_keeper_stays_until_the_container_is_gone,
        front_keeper::a_quit_between_two_agents_pauses_the_job,
        front_keeper::a_policy_can_do_without_it,
    );
}

mod podman {
    crate::through_front!(Podman:
        front_keeper::one_keeper_stays_until_the_container_is_gone,
        front_keeper::a_quit_between_two_agents_pauses_the_job,
    );
}

/// The process ids of the slot's keepers.
fn keepers(slot: &Slot) -> Vec<String> {
    let is_keeper = |path: &PathBuf| {
        let words = fs::read(path.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.contains("\0--keep\0") && words.contains(&slot.container())
    };
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = processes.filter(is_keeper).collect();
    found.sort();
    found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The client starts the task and quits when the job runs.
fn quit(slot: &Slot) {
    let mut running: Running = slot.start();
    wait_until("the job", || slot.work("ready").exists() && slot.status().as_deref() == Some("running"));
    running.send(Control::Quit);
    running.wait_for_exit();
    assert!(slot.is_frozen(), "{}", slot.stderr());
}

fn one_keeper_stays_until_the_container_is_gone(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    quit(&slot);
    let first = keepers(&slot);
    assert_eq!(first.len(), 1);
    quit(&slot);
    wait_until("the second one to leave it to the first", || keepers(&slot).len() == 1);
    assert_eq!(keepers(&slot), first);
    let target = |name: &str| fs::read_link(format!("/proc/{}/{name}", first[0])).unwrap();
    assert_eq!(target("cwd").to_str(), Some("/"));
    for fd in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(target(fd).to_str(), Some("/dev/null"));
    }
    let fds = fs::read_dir(format!("/proc/{}/fd", first[0])).unwrap();
    let targets = fds.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    assert_eq!(targets.filter(|target| target.starts_with(slot.root.path())).count(), 0);
    fs::write(slot.work("go"), "").unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nend\n", "{}", slot.stderr());
    wait_until("its end", || keepers(&slot).is_empty());
}

fn a_quit_between_two_agents_pauses_the_job(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    let mut running: Running = slot.start();
    wait_until("the agent to see it run", || {
        running.take_status().is_some_and(|told| told.wss_bytes > Some(0.0))
    });
    kill(agent_of(running.pid()));
    running.send(Control::Quit);
    running.wait_for_exit();
    let agents = slot.stderr().matches("buoy-wrapper").count();
    assert_eq!(agents, 1, "the front has answered: {}", slot.stderr());
    wait_until("the keeper to pause it", || slot.is_frozen());
    fs::write(slot.work("go"), "").unwrap();
    slot.run().assert_success();
    assert_ran_once(&slot);
    wait_until("its end", || keepers(&slot).is_empty());
}

fn a_policy_can_do_without_it(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    fs::write(slot.init_data.boinc_dir.join(VOLUNTEER_FILE), "keep_wsl_seconds = 0\n").unwrap();
    quit(&slot);
    assert_eq!(keepers(&slot), [""; 0]);
}

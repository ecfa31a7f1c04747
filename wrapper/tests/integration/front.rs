//! Jobs whose wrapper is the agent of a front, as on Windows. Other tests run so with `BUOY_TEST_WRAPPER=…/buoy-front`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use boinc::frames::{FromAgent, to_bytes};
use boinc::wire::finish::Finish;
use boinc::wire::message::Control;

use crate::support::{Engine, Running, Slot, WAITS, agent_of, assert_ran_once, wait_until};

mod docker {
    crate::through_front!(Docker:
        running::a_job_succeeds_and_leaves_nothing_behind,
        running::a_jobs_exit_status_becomes_the_tasks,
        running::arguments_arrive_as_they_were_written,
        running::cpu_time_and_memory_are_reported,
        running::what_the_job_printed_is_in_stderr_txt,
        client_requests::suspend_freezes_the_job_and_resume_lets_it_go_on,
        client_requests::quit_freezes_the_job_and_the_next_start_goes_on_where_it_was,
        client_requests::abort_removes_the_container,
        client_requests::a_client_that_is_gone_is_a_quit,
        client_requests::a_second_wrapper_in_the_slot_does_no_harm,
        faults::a_container_killed_from_outside_is_started_again,
        faults::a_finished_job_whose_client_missed_it_is_not_run_again,
        faults::a_host_without_an_engine_tries_later_with_a_reason,
        refusals::a_workunit_that_asks_for_a_mount_is_refused,
        daemon::a_daemon_that_is_restarted_through_a_front,
        front::a_front_that_is_killed_leaves_a_paused_job,
        front::an_agent_that_is_killed_is_followed_by_one_that_attaches,
        front::agents_killed_at_random_moments_lose_nothing_and_run_nothing_twice,
        front::two_slots_at_once,
        front::what_a_job_prints_is_no_frame,
        front::a_job_of_a_client_on_windows_finds_its_files_and_is_not_root,
    );
}

mod podman {
    crate::through_front!(Podman:
        client_requests::suspend_freezes_the_job_and_resume_lets_it_go_on,
        client_requests::quit_freezes_the_job_and_the_next_start_goes_on_where_it_was,
        front::an_agent_that_is_killed_is_followed_by_one_that_attaches,
    );
}

fn started(slot: &Slot) -> Running {
    let running = slot.start();
    wait_until(&format!("the job; {}", slot.stderr()), || slot.work("ready").exists());
    running
}

pub fn kill(pid: u32) {
    if pid != 0 {
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
}

fn is_there(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap()
}

/// Unlike a wrapper's, the job does not run on: an agent without a front pauses it, since nobody could suspend it.
fn a_front_that_is_killed_leaves_a_paused_job(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    let mut running = started(&slot);
    let agent = agent_of(running.pid());
    assert!(is_there(agent));
    let killed = Instant::now();
    running.kill();
    wait_until("the agent to leave", || !is_there(agent));
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    assert!(slot.is_frozen());
    fs::write(slot.work("go"), "").unwrap();
    slot.run().assert_success();
    assert_ran_once(&slot);
}

fn an_agent_that_is_killed_is_followed_by_one_that_attaches(engine: Engine) {
    let slot = Slot::with_script(engine, WAITS);
    let mut running = started(&slot);
    let agent = agent_of(running.pid());
    kill(agent);
    wait_until("another agent", || slot.stderr().matches("starting another agent").count() == 1);
    wait_until("it to attach", || slot.stderr().matches("buoy-wrapper").count() == 2);
    running.send(Control::Suspend);
    wait_until("the pause", || slot.is_frozen());
    running.send(Control::Resume);
    fs::write(slot.work("go"), "").unwrap();
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
}

/// From before it says who it is until after the job's end.
fn agents_killed_at_random_moments_lose_nothing_and_run_nothing_twice(engine: Engine) {
    let script = "echo start >> starts; busybox sleep 1; echo done > out.txt; echo end >> starts";
    let mut slot = Slot::with_script(engine, script);
    slot.own_image();
    for milliseconds in [5_u64, 20, 60, 120, 250, 500, 900] {
        let mut running = slot.start();
        wait_until("an agent", || agent_of(running.pid()) != 0 || running.finish().is_some());
        thread::sleep(Duration::from_millis(milliseconds));
        kill(agent_of(running.pid()));
        running.kill();
    }
    // And one front that goes on after its agent's end.
    let mut running = slot.start();
    wait_until("an agent", || agent_of(running.pid()) != 0 || running.finish().is_some());
    kill(agent_of(running.pid()));
    running.wait_for_exit();
    running.assert_success();
    assert_ran_once(&slot);
}

fn two_slots_at_once(engine: Engine) {
    let first = Slot::with_script(engine, WAITS);
    let mut second = Slot::with_script(engine, WAITS);
    second.join_project_of(&first);
    let mut both = [started(&first), started(&second)];
    both[0].send(Control::Suspend);
    wait_until("the first to pause", || first.is_frozen());
    assert!(!second.is_frozen());
    both[0].send(Control::Resume);
    for (running, slot) in both.iter_mut().zip([&first, &second]) {
        fs::write(slot.work("go"), "").unwrap();
        running.wait_for_exit();
        running.assert_success();
        assert_ran_once(slot);
    }
}

/// Neither on the job's streams, nor on those that the agent's process has.
fn what_a_job_prints_is_no_frame(engine: Engine) {
    let forged =
        [FromAgent::Finish(Finish { exit_status: 0, message: None }), FromAgent::Bye { exit_status: 0 }];
    let forged: Vec<u8> = forged.iter().flat_map(|message| to_bytes(message).unwrap()).collect();
    let mut slot =
        Slot::with_script(engine, "busybox cat forged; busybox cat forged >&2; busybox sleep 1.5; exit 3");
    slot.link_input("forged", &forged);
    let mut running = slot.start();
    wait_until("the agent", || slot.stderr().contains("agent "));
    let agent = agent_of(running.pid());
    let target = |fd: u32| fs::read_link(format!("/proc/{agent}/fd/{fd}")).unwrap();
    for fd in 0..3 {
        assert_eq!(target(fd).to_str(), Some("/dev/null"));
    }
    running.wait_for_exit();
    running.assert_status(3);
    assert!(slot.stderr().contains("| "), "{}", slot.stderr());
}

/// The client names its directories as Windows does; the agent has another name for them.
fn a_job_of_a_client_on_windows_finds_its_files_and_is_not_root(engine: Engine) {
    let script = "busybox cat linked copied > out.txt; busybox id -u > id.txt; busybox touch /x 2> /dev/null && exit 9\nexit 0";
    let mut slot = Slot::with_script(engine, script);
    slot.link_input("linked", b"linked\n");
    slot.copy("copied", "copied\n");
    let output = slot.link_output("out.txt", 0);
    let name = slot.project.file_name().unwrap().to_str().unwrap().to_owned();
    slot.init_data.project_dir = format!("C:\\ProgramData\\BOINC/projects/{name}").into();
    slot.init_data.boinc_dir = "C:\\ProgramData\\BOINC".into();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(&output).unwrap(), "linked\ncopied\n");
    assert!(slot.state_dir().join("results").is_dir(), "the state is in the project's directory");
    let own = rustix::process::geteuid().as_raw();
    let id: u32 = fs::read_to_string(slot.dir.join("id.txt")).unwrap().trim().parse().unwrap();
    assert!(id != 0 && (own == 0 || id == own), "{id}");
    for path in [&output, &slot.dir.join("id.txt")] {
        assert_eq!(fs::metadata(path).unwrap().uid(), own, "{}", path.display());
    }
}

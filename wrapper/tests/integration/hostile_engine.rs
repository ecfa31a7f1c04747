//! Engines that hang, babble, or have somebody else's container under our name.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use boinc::wire::message::Control;

use crate::support::{Engine, Slot, each_engine, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    warnings_of_the_engine_on_stderr_do_no_harm,
    a_build_that_another_ones_removal_disturbed_is_done_again,
    a_container_of_somebody_else_under_our_name_is_not_taken_for_ours,
    fifteen_jobs_in_one_slot_with_kills_at_any_moment,
    an_aborted_job_is_removed_by_an_engine_that_takes_long_for_each_command,
    the_architecture_is_the_engines_not_the_wrappers,
);

with_rootless_podman!(an_aborted_job_is_removed_by_an_engine_that_takes_long_for_each_command);

/// Puts a script in front of the real engine: `$real` is its path.
fn in_front_of(slot: &mut Slot, script: &str) {
    let real = format!("/usr/bin/{}", slot.engine.program());
    let bin = slot.root.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join(slot.engine.program());
    fs::write(&program, format!("#!/bin/sh\nreal={real}\n{script}\n")).unwrap();
    let made = Command::new("chmod").arg("755").arg(&program).status();
    assert!(made.is_ok_and(|status| status.success()));
    slot.path = Some(format!("{}:/usr/sbin:/usr/bin:/bin", bin.display()));
}

fn warnings_of_the_engine_on_stderr_do_no_harm(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo done > out.txt; exit 0");
    in_front_of(
        &mut slot,
        "echo 'WARNING: Error loading config file: permission denied, no such container, is not running' >&2\n\
         exec $real \"$@\"",
    );
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "done\n");
}

/// What Podman 4.3 says, now and then, of a command while somebody removes images.
fn a_build_that_another_ones_removal_disturbed_is_done_again(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo done > out.txt");
    slot.own_image();
    let mark = slot.root.path().join("disturbed");
    let said = "Error: committing container: getting top layer info: layer not known";
    in_front_of(
        &mut slot,
        &format!(
            "if [ \"$1\" = commit ] && ! [ -e {mark} ]; then touch {mark}; echo '{said}' >&2; exit 125; fi\n\
             exec $real \"$@\"",
            mark = mark.display()
        ),
    );
    slot.run().assert_success();
    assert!(mark.exists(), "{}", slot.stderr());
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "done\n");
}

fn a_container_of_somebody_else_under_our_name_is_not_taken_for_ours(engine: Engine) {
    let slot = Slot::with_script(engine, "echo start >> starts; echo done > out.txt");
    let name = slot.container();
    // An image with our busybox, from another job.
    let donor = Slot::with_script(engine, "busybox sleep 60");
    let wrapper = donor.start();
    wait_until("the other job", || donor.status().as_deref() == Some("running"));
    let image = engine.run(&["container", "inspect", "--format", "{{.Image}}", &donor.container()]);
    drop(wrapper);
    // It ended well; nothing in it is of this task.
    engine.run(&[
        "create",
        "--name",
        &name,
        "--network",
        "none",
        "--entrypoint",
        "/bin/busybox",
        &image,
        "true",
    ]);
    engine.run(&["start", &name]);
    wait_until("its end", || slot.status().as_deref() == Some("exited"));
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\n", "{}", slot.stderr());
}

fn the_architecture_is_the_engines_not_the_wrappers(engine: Engine) {
    let slot = || {
        let mut slot = Slot::with_script(engine, "echo done > out.txt");
        let text = fs::read_to_string(slot.dir.join("Dockerfile")).unwrap();
        slot.copy("Dockerfile", &text.replace("FROM scratch", "FROM --platform=linux/arm64 scratch"));
        slot.own_image();
        slot
    };
    let refused = slot();
    refused.run().assert_status(206);
    assert!(refused.stderr().contains("accepted: linux/amd64"), "{}", refused.stderr());
    let mut built = slot();
    in_front_of(
        &mut built,
        "case $1 in info | version) $real \"$@\" | sed -e 's/\"x86_64\"/\"aarch64\"/' -e 's/linux.amd64/linux\\/arm64/' ;;\n\
         *) exec $real \"$@\" ;; esac",
    );
    built.run().assert_success();
}

/// Of the engine in a virtual machine: another computer's name, and a directory of its own at the slot's path.
fn engine_elsewhere(slot: &mut Slot, seen: &str) {
    let empty = slot.root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    in_front_of(
        slot,
        &format!(
            "if [ $1 = info ]; then $real \"$@\" | sed 's/\"Name\":\"[^\"]*\"/\"Name\":\"docker-desktop\"/g'; exit; fi\n\
             if [ $1 = create ]; then\n\
             n=$#; while [ $n -gt 0 ]; do\n\
             word=$1; shift; case $word in *target=/app{seen}) word=type=bind,source={},target=/app ;; esac\n\
             set -- \"$@\" \"$word\"; n=$((n - 1)); done; fi\n\
             exec $real \"$@\"",
            empty.display()
        ),
    );
}

#[test]
fn an_engine_elsewhere_that_sees_the_files_runs_the_job() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(engine, "ls -A > out.txt");
        engine_elsewhere(&mut slot, "-no-such");
        slot.run().assert_success();
        let seen = fs::read_to_string(slot.dir.join("out.txt")).unwrap();
        assert!(seen.contains("main.sh"), "{seen}");
        assert!(!seen.lines().any(|name| name.starts_with('.')), "the test's own file is gone: {seen}");
    });
}

#[test]
fn an_engine_that_does_not_see_the_slot_is_the_hosts_fault() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(engine, "true");
        engine_elsewhere(&mut slot, "");
        let running = slot.run();
        assert_eq!(running.finish(), None, "{}", slot.stderr());
        let exit = running.temporary_exit().expect("a temporary exit");
        assert!(exit.reason.text.contains("does not see"), "{exit:?}");
        assert_eq!(slot.status(), None, "the container is removed");
    });
}

#[test]
fn quit_is_obeyed_while_a_command_of_the_engine_hangs() {
    for control in [Control::Quit, Control::Abort] {
        let mut slot = Slot::with_script(Engine::Docker, "true");
        slot.fake_docker("exec sleep 600");
        let mut running = slot.start();
        wait_until("the wrapper to ask", || slot.stderr().contains("starting"));
        let asked = Instant::now();
        running.send(control);
        running.wait_for_exit();
        assert!(asked.elapsed() < Duration::from_secs(3), "{control:?}: {:?}", asked.elapsed());
        assert_eq!(running.finish(), None);
    }
}

#[test]
fn an_answer_that_is_no_json_means_to_try_later() {
    let mut slot = Slot::with_script(Engine::Docker, "true");
    slot.fake_docker("echo 'Emulate Docker CLI using podman'; exit 0");
    let running = slot.run();
    assert_eq!(running.finish(), None, "{}", slot.stderr());
    let exit = running.temporary_exit().expect("a temporary exit");
    assert!(exit.reason.text.contains("can't be read"), "{exit:?}");
}

fn fifteen_jobs_in_one_slot_with_kills_at_any_moment(engine: Engine) {
    let mut slot = Slot::with_script(engine, "");
    let script = fs::read_to_string(slot.dir.join("main.sh")).unwrap();
    let result = slot.init_data.result_name.clone();
    let mut pause = 17_u64;
    for job in 0..15 {
        slot.init_data.result_name = format!("{result}_{job}");
        slot.copy(
            "main.sh",
            &format!("{script}echo start{job} >> starts; busybox usleep 150000; echo {job} > out.txt; echo end{job} >> starts"),
        );
        // From before the engine is first asked until after the outputs are moved: each job at three other moments.
        for _ in 0..3 {
            let mut running = slot.start();
            pause = (pause * 7 + 31) % 900;
            std::thread::sleep(Duration::from_millis(pause));
            running.kill();
            if running.finish().is_some() {
                break;
            }
        }
        slot.run().assert_success();
        let starts = fs::read_to_string(slot.dir.join("starts")).unwrap();
        assert_eq!(starts, format!("start{job}\nend{job}\n"), "{}", slot.stderr());
        assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), format!("{job}\n"));
        assert_eq!(slot.status(), None, "{}", slot.stderr());
        slot.clear();
    }
}

fn an_aborted_job_is_removed_by_an_engine_that_takes_long_for_each_command(engine: Engine) {
    // A process that was stopped by a signal, or that ignores one, ends at once all the same.
    let mut slot =
        Slot::with_script(engine, "trap '' TERM; echo up > up; while :; do busybox usleep 50000; done");
    in_front_of(&mut slot, "sleep 0.6; exec $real \"$@\"");
    let mut running = slot.start();
    wait_until("the job", || slot.work("up").exists());
    running.send(Control::Suspend);
    wait_until("the pause", || slot.is_frozen());
    let asked = Instant::now();
    running.send(Control::Abort);
    running.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_millis(2_500), "{:?}", asked.elapsed());
    wait_until(&format!("the removal; {}", slot.stderr()), || slot.status().is_none());
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

//! Dockerfiles of a submitter who wants to blame or to stop the host, to leave something on it, or to get out of a container.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use boinc::wire::message::Control;

use crate::builds::{
    assert_nothing_runs, build_containers, clean, images, listed, owner, slot, wait_for_run,
};
use crate::support::{Engine, Slot, each_engine, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_user_that_the_image_lacks_is_the_jobs_mistake,
    a_user_number_that_no_kernel_takes_is_the_jobs_mistake,
    a_workdir_that_is_a_file_is_the_jobs_mistake,
    a_workdir_below_a_file_is_the_jobs_mistake,
    a_workdir_through_a_loop_of_links_is_the_jobs_mistake,
    a_copy_below_a_file_is_the_jobs_mistake,
    a_copy_of_a_file_over_a_directory_is_the_jobs_mistake,
    words_of_an_engine_in_a_path_decide_nothing,
    a_pipe_in_a_stage_is_the_jobs_mistake,
    a_name_that_is_not_text_in_a_stage_is_the_jobs_mistake,
    a_hard_link_to_what_is_not_copied_is_the_jobs_mistake,
    names_with_newlines_are_copied_between_stages,
    links_of_a_stage_lead_nowhere_on_the_host,
    a_workdir_through_a_link_of_the_image_stays_in_the_container,
    copies_are_held_to_the_jobs_disk,
    copies_between_stages_are_held_to_the_jobs_disk,
    a_command_line_that_is_too_long_is_the_jobs_mistake,
    odd_labels_and_variables_of_a_base_image_do_no_harm,
    a_container_that_has_the_name_of_a_step_is_no_obstacle,
    a_container_that_appeared_after_its_build_was_killed_is_removed,
    a_run_of_a_killed_build_ends_when_another_job_starts,
    a_failed_build_takes_away_what_killed_ones_have_left,
    a_build_killed_at_any_command_leaves_nothing,
    a_build_quit_at_any_command_leaves_nothing_running,
);

with_rootless_podman!(
    a_user_that_the_image_lacks_is_the_jobs_mistake,
    a_workdir_below_a_file_is_the_jobs_mistake,
    a_copy_below_a_file_is_the_jobs_mistake,
    words_of_an_engine_in_a_path_decide_nothing,
    links_of_a_stage_lead_nowhere_on_the_host,
    copies_are_held_to_the_jobs_disk,
);

/// A mistake of a Dockerfile is reported at once, and leaves nothing.
#[track_caller]
fn assert_is_the_jobs(engine: Engine, steps: &str, said: &str) {
    let mut slot = slot(engine, steps);
    slot.copy("a.txt", "a\n");
    let began = Instant::now();
    slot.run().assert_status(206);
    let text = slot.stderr();
    assert!(text.contains(said), "{said:?} is not in {text}");
    assert_eq!(text.matches("building image").count(), 1, "{text}");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert_nothing_left(&slot);
}

#[track_caller]
fn assert_nothing_left(slot: &Slot) {
    for status in ["running", "paused", "exited", "created"] {
        assert_eq!(build_containers(slot, status), BTreeSet::new(), "{status}");
    }
    assert_eq!(images(slot), BTreeSet::new());
}

fn a_user_that_the_image_lacks_is_the_jobs_mistake(engine: Engine) {
    assert_is_the_jobs(engine, "USER nosuch\nRUN true", "line 5: RUN true cannot start");
}

fn a_user_number_that_no_kernel_takes_is_the_jobs_mistake(engine: Engine) {
    assert_is_the_jobs(engine, "USER 4294967294\nRUN true", "line 5: RUN true cannot start");
}

fn a_workdir_that_is_a_file_is_the_jobs_mistake(engine: Engine) {
    assert_is_the_jobs(engine, "RUN true\nWORKDIR /bin/busybox\nRUN true", "not a directory");
}

fn a_workdir_below_a_file_is_the_jobs_mistake(engine: Engine) {
    assert_is_the_jobs(engine, "RUN true\nWORKDIR /bin/busybox/x\nRUN true", "failed to build the image");
}

fn a_workdir_through_a_loop_of_links_is_the_jobs_mistake(engine: Engine) {
    let steps = "RUN /bin/busybox ln -s loop /loop\nWORKDIR /loop/x\nRUN true";
    assert_is_the_jobs(engine, steps, "failed to build the image");
}

fn a_copy_below_a_file_is_the_jobs_mistake(engine: Engine) {
    assert_is_the_jobs(engine, "COPY a.txt /x\nCOPY a.txt /x/y", "failed to build the image");
}

fn a_copy_of_a_file_over_a_directory_is_the_jobs_mistake(engine: Engine) {
    let steps = "RUN /bin/busybox mkdir -p /in/a.txt\nCOPY a.txt /in/";
    assert_is_the_jobs(engine, steps, "failed to build the image");
}

/// What an engine prints holds paths of the Dockerfile.
fn words_of_an_engine_in_a_path_decide_nothing(engine: Engine) {
    for words in ["no such container", "connection reset by peer", "no such image"] {
        let steps = format!("COPY [\"a.txt\", \"/bin/busybox/{words}/x\"]");
        assert_is_the_jobs(engine, &steps, "failed to build the image");
    }
}

fn a_pipe_in_a_stage_is_the_jobs_mistake(engine: Engine) {
    let steps =
        "RUN /bin/busybox mkdir /out; /bin/busybox mkfifo /out/p\nFROM scratch\nCOPY --from=0 /out /out";
    assert_is_the_jobs(engine, steps, "/out/p is a device or a pipe");
}

fn a_name_that_is_not_text_in_a_stage_is_the_jobs_mistake(engine: Engine) {
    let steps = "RUN /bin/busybox mkdir /out; echo x > $(printf '/out/a\\377')\n\
                 FROM scratch\nCOPY --from=0 /out /out";
    assert_is_the_jobs(engine, steps, "line 6: ");
}

fn a_hard_link_to_what_is_not_copied_is_the_jobs_mistake(engine: Engine) {
    let steps = "RUN /bin/busybox mkdir /out; echo x > /out/a; /bin/busybox ln /out/a /out/b\n\
                 FROM scratch\nCOPY --from=0 /out/b* /lib/";
    assert_is_the_jobs(engine, steps, "line 6: ");
}

fn names_with_newlines_are_copied_between_stages(engine: Engine) {
    let mut slot = slot(
        engine,
        "RUN /bin/busybox mkdir /out; echo x > \"$(printf '/out/a\\n0 size=1\\nb')\"; echo y > '/out/-rf'\n\
         FROM scratch\nCOPY --from=0 /bin /bin\nCOPY --from=0 /out /out",
    );
    slot.copy("main.sh", "/bin/busybox ls /out > /app/seen; /bin/busybox cat /out/* >> /app/seen");
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    assert!(seen.starts_with("-rf\na") && seen.ends_with("y\nx\n"), "{seen}");
    clean(&slot);
}

fn links_of_a_stage_lead_nowhere_on_the_host(engine: Engine) {
    let outside = tempfile::Builder::new().prefix("buoy-test-outside-").tempdir().unwrap();
    let path = outside.path().display();
    let mut slot = slot(
        engine,
        &format!(
            "RUN /bin/busybox mkdir -p /out {path}; /bin/busybox ln -s ../../../../../../../..{path} /out/up; \
             /bin/busybox ln -s {path} /out/abs\n\
             FROM scratch\nCOPY --from=0 /bin /bin\nCOPY --from=0 /out /out\n\
             COPY a.txt {path}/one\nCOPY a.txt /out/up/two\nCOPY a.txt /out/abs/three"
        ),
    );
    slot.copy("a.txt", "a\n");
    slot.copy("main.sh", &format!("/bin/busybox find {path} -type f > /app/seen"));
    slot.run();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{}", slot.stderr());
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap_or_default();
    assert_eq!(seen.lines().count(), 3, "{seen}{}", slot.stderr());
    clean(&slot);
}

fn a_workdir_through_a_link_of_the_image_stays_in_the_container(engine: Engine) {
    let outside = tempfile::Builder::new().prefix("buoy-test-outside-").tempdir().unwrap();
    let path = outside.path().display();
    let mut slot = slot(
        engine,
        &format!(
            "RUN /bin/busybox mkdir -p {path}; /bin/busybox ln -s /../..{path} /link; \
             /bin/busybox mkdir -p /etc; echo me:x:7:8::/: > /etc/passwd\n\
             USER me\nWORKDIR /link/x/y\nCOPY a.txt ./b\nUSER 0"
        ),
    );
    slot.copy("a.txt", "a\n");
    slot.copy("main.sh", &format!("/bin/busybox stat -c '%u %n' {path}/x/y {path}/x/y/b > /app/seen"));
    slot.run().assert_success();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    assert_eq!(seen, format!("7 {path}/x/y\n0 {path}/x/y/b\n"));
    clean(&slot);
}

fn copies_are_held_to_the_jobs_disk(engine: Engine) {
    let lines: Vec<String> = (0..8).map(|number| format!("COPY big.dat /big{number}")).collect();
    let mut slot = slot(engine, &lines.join("\n"));
    slot.link_input("big.dat", &vec![7; 3_000_000]);
    slot.init_data.rsc_disk_bound = 12e6;
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("12000000 bytes, the disk limit"), "{}", slot.stderr());
    assert_nothing_left(&slot);
}

fn copies_between_stages_are_held_to_the_jobs_disk(engine: Engine) {
    let mut slot = slot(
        engine,
        "RUN /bin/busybox mkdir /out; /bin/busybox dd if=/dev/zero of=/out/big bs=1M count=5\nFROM scratch\n\
         COPY --from=0 /out /one\nCOPY --from=0 /out /two\nCOPY --from=0 /out/b* /three/",
    );
    slot.init_data.rsc_disk_bound = 12e6;
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("12000000 bytes, the disk limit"), "{}", slot.stderr());
    assert_nothing_left(&slot);
}

/// Written as JSON a control character takes six bytes, and Linux takes 128 KiB for one argument.
fn a_command_line_that_is_too_long_is_the_jobs_mistake(engine: Engine) {
    let steps = format!("CMD [\"{}\"]", "\\u0001".repeat(40_000));
    assert_is_the_jobs(engine, &steps, "too long");
}

/// A base image, which a submitter may have published, says what no command line can.
fn odd_labels_and_variables_of_a_base_image_do_no_harm(engine: Engine) {
    let tag = format!("localhost/buoytest-odd-{}:1", std::process::id());
    let mut slot = slot(engine, "");
    let script = format!(
        "cd {} && mkdir odd && mkdir odd/bin && cp /bin/busybox odd/bin/ && tar -C odd -cf odd.tar bin && \
         {} import --change 'LABEL \"a b\"=c' --change 'LABEL -x=y' --change 'ENV LONG={}' odd.tar {tag}",
        slot.root.path().display(),
        engine.program(),
        "x".repeat(60_000),
    );
    let made = slot.host.command("sh").args(["-c", &script]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    slot.copy(
        "Dockerfile",
        &format!(
            "FROM {tag}\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\nRUN echo ${{#LONG}} > /n\n\
             ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n"
        ),
    );
    slot.copy("main.sh", "/bin/busybox cat /n > /app/seen; echo ${#LONG} >> /app/seen");
    let mut running = slot.start();
    running.wait_for_exit();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap_or_default();
    let text = slot.stderr();
    clean(&slot);
    let _ = slot.try_ask(&["image", "rm", &tag]);
    running.assert_success();
    assert_eq!(seen, "60000\n60000\n", "{text}");
}

/// The prefix of the names of a slot's build containers, from the one image that it has.
fn step_name(slot: &Slot) -> String {
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(slot.state_dir().join("images.json")).unwrap()).unwrap();
    let key = index["images"].as_object().unwrap().keys().next().unwrap().clone();
    let hex = key.split('/').next_back().unwrap();
    format!("buoy-build-{}-{}", owner(slot), &hex[..16])
}

/// Makes a container that a command has finished after the wrapper was killed.
#[track_caller]
fn make_late(slot: &Slot, name: &str) {
    let image = images(slot).pop_first().expect("an image");
    let made = slot.try_ask(&["create", "--name", name, "--entrypoint", "", &image, "/x"]);
    assert!(made.status.success(), "{made:?}");
}

fn named(slot: &Slot, name: &str) -> BTreeSet<String> {
    listed(slot, &["ps", "-aq", "--filter", &format!("name=^{name}$")])
}

fn a_container_that_has_the_name_of_a_step_is_no_obstacle(engine: Engine) {
    let mut slot = slot(engine, "RUN echo here > /who");
    slot.run().assert_success();
    let name = format!("{}-0", step_name(&slot));
    let image = images(&slot).pop_first().unwrap();
    assert!(slot.try_ask(&["tag", &image, "localhost/buoytest-late:1"]).status.success());
    make_late(&slot, &name);
    fs::remove_file(slot.state_dir().join("images.json")).unwrap();
    slot.clear_for_next("wu_next_0");
    let running = slot.run();
    let left = named(&slot, &name);
    let _ = slot.try_ask(&["rm", "-f", &name]);
    let _ = slot.try_ask(&["image", "rm", "localhost/buoytest-late:1"]);
    clean(&slot);
    running.assert_success();
    assert_eq!(left, BTreeSet::new());
}

fn a_container_that_appeared_after_its_build_was_killed_is_removed(engine: Engine) {
    let mut slot = slot(engine, "RUN echo here > /who; /bin/busybox sleep 2");
    slot.run().assert_success();
    let dockerfile = fs::read_to_string(slot.dir.join("Dockerfile")).unwrap();
    slot.clear_for_next("wu_next_0");
    slot.copy("Dockerfile", &format!("{dockerfile}LABEL other=1\n"));
    let mut killed = slot.start();
    wait_for_run(&slot);
    killed.kill();
    let name = format!("buoy-build-{}-ffffffffffffffff-7", owner(&slot));
    make_late(&slot, &name);
    slot.copy("Dockerfile", &format!("{dockerfile}LABEL other=2\n"));
    let running = slot.run();
    let left = named(&slot, &name);
    let _ = slot.try_ask(&["rm", "-f", &name]);
    clean(&slot);
    running.assert_success();
    assert_eq!(left, BTreeSet::new(), "{}", slot.stderr());
}

/// The client does not start the killed job again, but another one, whose image is there.
fn a_run_of_a_killed_build_ends_when_another_job_starts(engine: Engine) {
    let mut slot = slot(engine, "");
    slot.run().assert_success();
    let dockerfile = fs::read_to_string(slot.dir.join("Dockerfile")).unwrap();
    slot.clear_for_next("wu_next_0");
    slot.copy("Dockerfile", &dockerfile.replace("ENTRYPOINT", "RUN /bin/busybox sleep 100\nENTRYPOINT"));
    let mut running = slot.start();
    wait_for_run(&slot);
    running.kill();
    assert_eq!(build_containers(&slot, "running").len(), 1);
    let _ = fs::remove_dir_all(slot.dir.join("buoy"));
    slot.init_data.result_name.push_str("_other");
    slot.copy("Dockerfile", &dockerfile).copy("main.sh", "true");
    let running = slot.run();
    let left = build_containers(&slot, "running");
    clean(&slot);
    running.assert_success();
    assert_eq!(left, BTreeSet::new());
}

fn a_failed_build_takes_away_what_killed_ones_have_left(engine: Engine) {
    let mut slot = slot(engine, "RUN echo here > /who");
    slot.run().assert_success();
    let name = format!("buoy-build-{}-ffffffffffffffff-7", owner(&slot));
    make_late(&slot, &name);
    slot.clear_for_next("wu_next_0");
    slot.copy(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/nothing\"]\nENTRYPOINT [\"/x\"]\n",
    );
    let running = slot.run();
    let left = named(&slot, &name);
    let _ = slot.try_ask(&["rm", "-f", &name]);
    clean(&slot);
    running.assert_status(206);
    assert_eq!(left, BTreeSet::new(), "{}", slot.stderr());
}

const STEPS: &str = "RUN /bin/busybox mkdir -p /etc; echo me:x:7:8::/: > /etc/passwd\nUSER me\nWORKDIR /made/deep\n\
    COPY a.txt ./\nUSER 0\nRUN echo two > /two\nFROM scratch\nCOPY --from=0 / /\nENV X=y";

/// The commands of such a build: a word of one, and how many times the wrapper has to print it.
const COMMANDS: [(&str, usize); 7] = [
    (" create ", 1),
    (" create ", 2),
    (" cp ", 2),
    (" start ", 1),
    (" commit ", 1),
    (" create ", 4),
    (" commit ", 3),
];

fn slot_that_prints_commands(engine: Engine) -> Slot {
    let mut slot = slot(engine, STEPS);
    slot.copy("a.txt", "a\n").copy("main.sh", "/bin/busybox cat /two /made/deep/a.txt > /app/seen");
    slot.argument("--verbose");
    slot
}

/// Waits until the wrapper gives a command; not, if the build has ended before.
fn wait_for_command(slot: &Slot, before: usize, (command, count): (&str, usize)) -> bool {
    let text = || slot.stderr()[before..].to_owned();
    let seen =
        |text: &str| text.lines().filter(|line| line.contains("running ") && line.contains(command)).count();
    let ended = |text: &str| text.contains("is ready") || text.contains("of CPU time");
    wait_until("a command", || seen(&text()) >= count || ended(&text()));
    seen(&text()) >= count
}

#[track_caller]
fn assert_finishes(slot: &Slot) {
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "two\na\n");
    for status in ["running", "paused", "exited", "created"] {
        assert_eq!(build_containers(slot, status), BTreeSet::new(), "{status}: {}", slot.stderr());
    }
    assert_eq!(images(slot).len(), 1, "{}", slot.stderr());
    clean(slot);
}

fn a_build_killed_at_any_command_leaves_nothing(engine: Engine) {
    let slot = slot_that_prints_commands(engine);
    for command in COMMANDS {
        let before = slot.stderr().len();
        let mut running = slot.start();
        wait_for_command(&slot, before, command);
        running.kill();
    }
    assert_finishes(&slot);
}

fn a_build_quit_at_any_command_leaves_nothing_running(engine: Engine) {
    let slot = slot_that_prints_commands(engine);
    for command in COMMANDS {
        let before = slot.stderr().len();
        let mut running = slot.start();
        wait_for_command(&slot, before, command);
        let asked = Instant::now();
        running.send(Control::Quit);
        running.wait_for_exit();
        assert!(asked.elapsed() < Duration::from_secs(5), "{command:?}: {:?}", asked.elapsed());
        assert_nothing_runs(&slot);
    }
    assert_finishes(&slot);
}

/// A docker that does what this part of a shell's `case` says, and else what it always does.
fn docker_that(case: &str, steps: &str) -> Slot {
    let mut slot = slot(Engine::Docker, steps);
    slot.copy("a.txt", "a\n");
    let found = slot.host.command("sh").args(["-c", "command -v docker"]).output().unwrap();
    let docker = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    slot.fake_docker(&format!("case \"$*\" in {case};; esac; exec {docker} \"$@\""));
    slot
}

#[test]
fn a_host_that_cannot_write_is_not_the_jobs_mistake() {
    each_engine(Engine::Docker, |_| {
        let broken = "'cp - '*) echo 'Error response from daemon: broken' >&2; exit 1";
        let slot = docker_that(broken, "COPY a.txt /x");
        let running = slot.run();
        assert!(running.temporary_exit().is_some(), "{}", slot.stderr());
        assert_nothing_left(&slot);
    });
}

#[test]
fn an_engine_that_fails_once_is_asked_again() {
    each_engine(Engine::Docker, |_| {
        let once = "'cp - '*|'start buoy-build-'*) if mkdir \"$0.$1\" 2>/dev/null; then \
                    echo 'connection reset by peer' >&2; exit 1; fi";
        let slot = docker_that(once, "COPY a.txt /x\nRUN true");
        slot.run().assert_success();
        assert_eq!(slot.stderr().matches("building image").count(), 1, "{}", slot.stderr());
        clean(&slot);
    });
}

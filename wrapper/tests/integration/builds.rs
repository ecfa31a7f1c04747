//! Images are built as jobs: with a job's limits, paused and broken off like a job, and nothing is left behind.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use boinc::wire::init_data::{ProxyInfo, ProxyServer, Secret};
use boinc::wire::message::Control;

use crate::support::{Engine, Running, Slot, wait_until, wrapper};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_dockerfile_with_many_features_gives_what_it_says,
    a_run_is_paused_while_the_client_suspends,
    a_quit_in_a_run_leaves_nothing_running_and_finished_steps_are_kept,
    an_abort_in_a_run_leaves_nothing_running,
    a_build_that_was_killed_is_taken_up_again,
    runs_for_one_shell_share_a_container,
    a_build_of_several_containers_leaves_none,
    a_run_is_held_to_the_jobs_memory,
    a_run_is_held_to_the_jobs_processes,
    a_run_is_held_to_the_jobs_disk,
    a_run_has_six_capabilities_and_gains_no_privileges,
    a_run_without_network_sees_no_proxy_and_an_image_has_none,
    build_arguments_reach_a_run_and_not_the_image,
    a_file_that_is_copied_twice_keeps_its_bytes,
    a_name_is_looked_up_in_what_was_copied_before,
    a_name_of_ours_that_others_set_is_not_run,
    an_image_that_was_removed_is_made_again,
    an_image_of_another_science_app_is_no_base,
    a_base_image_that_the_policy_does_not_allow_is_refused,
    builds_can_be_forbidden,
    failed_builds_leave_no_images,
    a_build_leaves_no_copies_of_its_files,
    everything_is_shown_and_removed_by_clean,
    files_of_a_workunit_are_not_believed_to_be_state,
    a_state_directory_that_is_something_else_is_the_hosts_fault,
    a_job_that_sees_the_project_directory_does_not_see_the_state,
    a_compressed_file_is_not_added,
);

with_rootless_podman!(
    a_dockerfile_with_many_features_gives_what_it_says,
    a_run_is_paused_while_the_client_suspends,
    an_abort_in_a_run_leaves_nothing_running,
    a_run_is_held_to_the_jobs_memory,
    a_run_is_held_to_the_jobs_disk,
    failed_builds_leave_no_images,
    a_build_leaves_no_copies_of_its_files,
);

/// A slot whose image has these steps after busybox, with images of its own.
pub(crate) fn slot(engine: Engine, steps: &str) -> Slot {
    let mut slot = Slot::with_script(engine, "true");
    slot.own_images();
    // A rootless engine needs /dev/net/tun for a network.
    slot.app_file("policy.toml", "build_network = false\n");
    slot.copy(
        "Dockerfile",
        &format!(
            "FROM scratch\nCOPY busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n{steps}\n\
             ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n"
        ),
    );
    slot
}

/// What marks the images of a slot's project.
pub(crate) fn owner(slot: &Slot) -> String {
    fs::read_to_string(slot.state_dir().join("owner")).unwrap_or_default()
}

/// The words that a listing prints. Podman's fails when another test removes an image meanwhile: it is asked again.
pub(crate) fn listed(slot: &Slot, args: &[&str]) -> BTreeSet<String> {
    let mut output = slot.try_ask(args);
    for _ in 0..10 {
        if output.status.success() {
            break;
        }
        output = slot.try_ask(args);
    }
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).split_ascii_whitespace().map(str::to_owned).collect()
}

pub(crate) fn build_containers(slot: &Slot, status: &str) -> BTreeSet<String> {
    let name = format!("name=^buoy-build-{}-", owner(slot));
    let status = format!("status={status}");
    listed(slot, &["ps", "--all", "--quiet", "--filter", &name, "--filter", &status])
}

pub(crate) fn images(slot: &Slot) -> BTreeSet<String> {
    let label = format!("label=org.buoy.owner={}", owner(slot));
    listed(slot, &["image", "ls", "--quiet", "--no-trunc", "--filter", &label])
}

/// Removes what the project has made.
pub(crate) fn clean(slot: &Slot) {
    for container in listed(slot, &["ps", "-aq", "--filter", &format!("name=^buoy-build-{}-", owner(slot))]) {
        let _ = slot.try_ask(&["rm", "--force", &container]);
    }
    for image in images(slot) {
        let _ = slot.try_ask(&["image", "rm", &image]);
    }
}

#[track_caller]
pub(crate) fn wait_for_run(slot: &Slot) {
    wait_until(&format!("a RUN; {}", slot.stderr()), || !build_containers(slot, "running").is_empty());
}

fn a_dockerfile_with_many_features_gives_what_it_says(engine: Engine) {
    let mut slot = slot(
        engine,
        "ARG WHO=world\n\
         ENV GREETING=\"hello there\" EMPTY=\n\
         WORKDIR /made/deep\n\
         COPY --chmod=0640 a.txt b.txt ./\n\
         COPY <<FIRST <<\"SECOND\" /here/\n$GREETING\nFIRST\n$GREETING\nSECOND\n\
         RUN <<EOF\necho one-$WHO > one\n/bin/busybox mkdir -p /out/sub\necho lib > /out/sub/x.so\necho c > /out/y.c\nEOF\n\
         USER 7:8\n\
         RUN : as another user\n\
         FROM scratch AS second\n\
         COPY --from=0 /bin/busybox /bin/\n\
         COPY --from=0 /made /made\n\
         COPY --from=0 /out/s*/*.so /lib/\n\
         COPY --from=0 --chown=7:8 /here/FIRST /first\n\
         WORKDIR /app",
    );
    slot.copy("a.txt", "a\n").copy("b.txt", "b\n").copy(
        "main.sh",
        "cd /made/deep; /bin/busybox cat one a.txt b.txt /lib/x.so /first > /app/seen\n\
         /bin/busybox stat -c '%a %u:%g %n' a.txt /first /made/deep >> /app/seen\n",
    );
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    let expected = "one-world\na\nb\nlib\nhello there\n640 0:0 a.txt\n644 7:8 /first\n755 0:0 /made/deep\n";
    assert_eq!(seen, expected);
    assert!(build_containers(&slot, "exited").is_empty() && build_containers(&slot, "created").is_empty());
    assert_eq!(images(&slot).len(), 1, "the image and nothing else");
    clean(&slot);
}

/// How many lines a RUN has printed so far.
fn printed(slot: &Slot) -> usize {
    let Some(container) = build_containers(slot, "running").pop_first() else { return 0 };
    let output = slot.try_ask(&["logs", &container]);
    String::from_utf8_lossy(&output.stdout).lines().count()
}

const TICKING: &str =
    "RUN i=0; while [ $i -lt 400 ]; do echo $i; /bin/busybox usleep 50000; i=$((i+1)); done";

fn a_run_is_paused_while_the_client_suspends(engine: Engine) {
    let slot = slot(engine, TICKING);
    let mut running = slot.start();
    wait_for_run(&slot);
    running.send(Control::Suspend);
    let frozen = |slot: &Slot| {
        if engine == Engine::RootlessPodman {
            let before = printed(slot);
            std::thread::sleep(Duration::from_millis(600));
            return before > 0 && printed(slot) == before;
        }
        !build_containers(slot, "paused").is_empty()
    };
    let asked = Instant::now();
    wait_until("the RUN to be paused", || frozen(&slot));
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    running.send(Control::Resume);
    wait_until("the RUN to continue", || !build_containers(&slot, "running").is_empty());
    running.send(Control::Abort);
    running.wait_for_exit();
    assert_nothing_runs(&slot);
    clean(&slot);
}

/// An engine on a slow host may still be removing when the wrapper has to be gone.
#[track_caller]
pub(crate) fn assert_nothing_runs(slot: &Slot) {
    for status in ["running", "paused"] {
        wait_until(&format!("no container {status}; {}", slot.stderr()), || {
            build_containers(slot, status).is_empty()
        });
    }
}

#[track_caller]
fn assert_leaves_soon(running: &mut Running, control: Control) {
    let asked = Instant::now();
    running.send(control);
    running.wait_for_exit();
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}

fn a_quit_in_a_run_leaves_nothing_running_and_finished_steps_are_kept(engine: Engine) {
    // Another environment wants another container: what the first one did is kept by then.
    let slot = slot(engine, &format!("RUN echo first > /first\nENV A=b\n{TICKING}"));
    let mut running = slot.start();
    wait_until("the second RUN", || slot.stderr().contains("line 6: RUN") && printed(&slot) > 0);
    assert_leaves_soon(&mut running, Control::Quit);
    assert_nothing_runs(&slot);
    let mut running = slot.start();
    wait_until("the second RUN again", || slot.stderr().matches("line 6: RUN i=0").count() == 2);
    assert_eq!(slot.stderr().matches("line 4: RUN").count(), 1, "{}", slot.stderr());
    wait_for_run(&slot);
    running.send(Control::Abort);
    running.wait_for_exit();
    clean(&slot);
}

fn an_abort_in_a_run_leaves_nothing_running(engine: Engine) {
    let slot = slot(engine, TICKING);
    let mut running = slot.start();
    wait_for_run(&slot);
    assert_leaves_soon(&mut running, Control::Abort);
    assert_nothing_runs(&slot);
    clean(&slot);
}

fn a_build_that_was_killed_is_taken_up_again(engine: Engine) {
    let slot =
        slot(engine, "RUN echo first > /first\nENV A=b\nRUN /bin/busybox sleep 6; echo second > /second");
    let mut running = slot.start();
    wait_until("the second RUN", || slot.stderr().contains("line 6: RUN"));
    wait_for_run(&slot);
    running.kill();
    let left = build_containers(&slot, "running");
    assert_eq!(left.len(), 1);
    let mut running = slot.start();
    wait_until("the second RUN again", || slot.stderr().matches("line 6: RUN").count() == 2);
    let now = build_containers(&slot, "running");
    assert!(now.is_disjoint(&left), "the container of the killed attempt is gone: {now:?}");
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(slot.stderr().matches("line 4: RUN").count(), 1, "{}", slot.stderr());
    for status in ["running", "exited", "created"] {
        assert!(build_containers(&slot, status).is_empty(), "{status}");
    }
    assert_eq!(images(&slot).len(), 1);
    clean(&slot);
}

fn runs_for_one_shell_share_a_container(engine: Engine) {
    let mut slot = slot(
        engine,
        "ARG SEEN=no\nRUN echo the first says; echo a > /a\nARG SEEN=yes\nCOPY busybox /b\n\
         RUN echo the second says; [ -e /a ] && [ -e /b ] && [ $SEEN = yes ] && exit 3",
    );
    slot.copy("job.toml", "verbose = 2\n");
    slot.run().assert_status(206);
    let said = slot.stderr();
    assert!(said.contains("buoy:   the second says") && said.contains("ended with status 3"), "{said}");
    assert!(!said.contains("buoy:   the first says"), "only what the failed step printed: {said}");
    assert!(!said.lines().any(|line| line.contains(" commit ")), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains(" create ")).count(), 1, "{said}");
    clean(&slot);
}

/// One of them is removed on the way: an engine that is told all names must not stumble over it.
fn a_build_of_several_containers_leaves_none(engine: Engine) {
    let slot = slot(engine, "RUN echo a > /a\nUSER 7\nWORKDIR /made/deep\nUSER 0\nRUN echo b > /b");
    slot.run().assert_success();
    for status in ["running", "exited", "created"] {
        assert_eq!(build_containers(&slot, status), BTreeSet::new(), "{status}: {}", slot.stderr());
    }
    clean(&slot);
}

fn a_run_is_held_to_the_jobs_memory(engine: Engine) {
    let mut slot = slot(
        engine,
        "RUN /bin/busybox sleep 1; exec /bin/busybox dd if=/dev/zero of=/dev/null bs=300M count=3",
    );
    slot.init_data.rsc_memory_bound = 60e6;
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("memory"), "{}", slot.stderr());
    clean(&slot);
}

fn a_run_is_held_to_the_jobs_processes(engine: Engine) {
    let mut slot = slot(
        engine,
        "RUN i=0; while [ $i -lt 100 ]; do /bin/busybox sleep 5 & i=$((i+1)); done || exit 3; exit 0",
    );
    slot.copy("job.toml", "pids = 40\n");
    slot.run().assert_status(206);
    // The shell ends with 2 when it cannot fork; Podman can lose what it says of it.
    let said = slot.stderr();
    assert!(said.contains("fork") || said.contains("ended with status 2"), "{said}");
    clean(&slot);
}

fn a_run_is_held_to_the_jobs_disk(engine: Engine) {
    let mut slot =
        slot(engine, "RUN /bin/busybox dd if=/dev/zero of=/big bs=1M count=60; /bin/busybox sleep 60");
    slot.init_data.rsc_disk_bound = 20e6;
    let began = Instant::now();
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("more than 20000000 bytes"), "{}", slot.stderr());
    assert!(began.elapsed() < Duration::from_secs(40));
    assert_nothing_runs(&slot);
    clean(&slot);
}

fn a_run_has_six_capabilities_and_gains_no_privileges(engine: Engine) {
    let mut slot = slot(engine, "RUN /bin/busybox grep -E 'CapBnd|NoNewPrivs' /proc/self/status > /status");
    slot.copy("main.sh", "/bin/busybox cat /status > /app/seen");
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID: bits 0, 1, 3, 4, 6 and 7 (linux/capability.h).
    assert_eq!(seen, "CapBnd:\t00000000000000db\nNoNewPrivs:\t1\n");
    clean(&slot);
}

fn a_run_without_network_sees_no_proxy_and_an_image_has_none(engine: Engine) {
    let mut slot =
        slot(engine, "RUN /bin/busybox ls /sys/class/net > /net; env > /env; echo \"[$http_proxy]\" >> /env");
    slot.copy("main.sh", "/bin/busybox cat /net /env > /app/seen; env >> /app/seen");
    slot.init_data.proxy_info = Some(ProxyInfo {
        http: Some(ProxyServer {
            name: "proxy.example".into(),
            port: 3128,
            user_name: "me".into(),
            password: Secret::new("sesame"),
        }),
        socks: None,
        socks5_remote_dns: false,
        no_proxy: String::new(),
    });
    slot.env.push(("http_proxy".into(), "http://me:sesame@proxy.example:3128".into()));
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    assert!(
        seen.starts_with("lo\n") && !seen.contains("sesame") && !seen.contains("proxy.example"),
        "{seen}"
    );
    clean(&slot);
}

fn build_arguments_reach_a_run_and_not_the_image(engine: Engine) {
    let mut slot = slot(engine, "ARG TOKEN\nRUN echo \"got $TOKEN\" | /bin/busybox wc -c > /count");
    slot.copy("job.toml", "build_args = { TOKEN = \"s3same it's\" }\n");
    slot.copy("main.sh", "/bin/busybox cat /count > /app/seen; env >> /app/seen");
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    assert!(seen.trim_start().starts_with("16\n") && !seen.contains("s3same"), "{seen}");
    let image = images(&slot).pop_first().expect("an image");
    for ask in [["image", "inspect", &image], ["image", "history", &image]] {
        let said = String::from_utf8_lossy(&slot.try_ask(&ask).stdout).into_owned();
        assert!(!said.contains("s3same"), "{said}");
    }
    clean(&slot);
}

/// As images from scratch do that take the users of another stage.
fn a_name_is_looked_up_in_what_was_copied_before(engine: Engine) {
    let mut slot =
        slot(engine, "COPY passwd group /etc/\nCOPY --chown=sci:lab passwd /theirs\nUSER sci\nWORKDIR /made");
    slot.copy("passwd", "root:x:0:0::/:/bin/sh\nsci:x:1234:7::/:/bin/sh\n").copy("group", "lab:x:99:\n");
    slot.copy("main.sh", "/bin/busybox stat -c '%u:%g' /theirs /made > /app/seen");
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "1234:99\n1234:7\n");
    clean(&slot);
}

/// Two COPY of one file once emptied it, through a link that the build context shared with the project.
fn a_file_that_is_copied_twice_keeps_its_bytes(engine: Engine) {
    let mut slot = slot(engine, "COPY shared.dat /one\nCOPY shared.dat /two\nRUN echo changed > /one");
    let shared = slot.link_input("shared.dat", b"precious");
    let before = fs::metadata(&shared).unwrap();
    slot.copy("main.sh", "/bin/busybox cat /one /two > /app/seen");
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "changed\nprecious");
    let after = fs::metadata(&shared).unwrap();
    assert_eq!(fs::read(&shared).unwrap(), b"precious");
    assert_eq!((after.ino(), after.nlink(), after.mode()), (before.ino(), 1, before.mode()));
    clean(&slot);
}

fn a_name_of_ours_that_others_set_is_not_run(engine: Engine) {
    let mut slot = slot(engine, "RUN echo honest > /who");
    slot.copy("main.sh", "/bin/busybox cat /who > /app/seen");
    slot.run().assert_success();
    let image = images(&slot).pop_first().expect("an image");
    let tag = String::from_utf8_lossy(
        &slot.try_ask(&["image", "inspect", "--format", "{{index .RepoTags 0}}", &image]).stdout,
    )
    .trim()
    .to_owned();
    let mut evil = self::slot(engine, "RUN echo evil > /who");
    evil.run().assert_success();
    let evil_image = images(&evil).pop_first().expect("an image");
    assert!(slot.try_ask(&["tag", &evil_image, &tag]).status.success());
    slot.clear_for_next("wu_next_0");
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "honest\n");
    evil.own_images();
    clean(&evil);
    clean(&slot);
}

fn an_image_that_was_removed_is_made_again(engine: Engine) {
    let mut slot = slot(engine, "RUN echo here > /who");
    slot.run().assert_success();
    clean(&slot);
    assert!(images(&slot).is_empty());
    slot.clear_for_next("wu_next_0");
    slot.run().assert_success();
    assert_eq!(slot.stderr().matches("building image").count(), 2, "{}", slot.stderr());
    clean(&slot);
}

fn an_image_of_another_science_app_is_no_base(engine: Engine) {
    let other = slot(engine, "RUN echo secret > /secret");
    other.run().assert_success();
    let image = images(&other).pop_first().expect("an image");
    assert!(other.try_ask(&["tag", &image, "localhost/innocent:1"]).status.success());
    let mut thief = Slot::empty(engine);
    thief.own_images().copy("Dockerfile", "FROM localhost/innocent:1\nENTRYPOINT [\"/bin/busybox\"]\n");
    thief.run().assert_status(206);
    assert!(thief.stderr().contains("belongs to another science app"), "{}", thief.stderr());
    let _ = other.try_ask(&["image", "rm", "localhost/innocent:1"]);
    clean(&other);
    clean(&thief);
}

fn a_base_image_that_the_policy_does_not_allow_is_refused(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.own_images().copy("Dockerfile", "FROM debian:bookworm-slim\nENTRYPOINT [\"/bin/true\"]\n");
    slot.app_file("policy.toml", "base_images = [\"ubuntu:*\"]\n");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("base_images of the policy allows only ubuntu:*"), "{}", slot.stderr());
}

fn builds_can_be_forbidden(engine: Engine) {
    let mut slot = slot(engine, "");
    slot.app_file("policy.toml", "builds = false\n");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("builds = false"), "{}", slot.stderr());
    assert!(!slot.stderr().contains("building image"));
}

fn failed_builds_leave_no_images(engine: Engine) {
    let slot = slot(engine, "RUN echo fine > /fine\nRUN exit 3");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("line 5: RUN exit 3 ended with status 3"), "{}", slot.stderr());
    assert_eq!(images(&slot), BTreeSet::new());
    for status in ["running", "exited", "created"] {
        assert!(build_containers(&slot, status).is_empty(), "{status}");
    }
}

/// Podman 4.3 leaves a copy of all that `podman cp -` has read.
fn a_build_leaves_no_copies_of_its_files(engine: Engine) {
    let mut slot = slot(engine, "RUN echo fine");
    let temporary = slot.root.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    slot.env.push(("TMPDIR".into(), temporary.clone().into()));
    slot.run().assert_success();
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    let builds = fs::read_dir(slot.state_dir().join("builds")).unwrap();
    assert_eq!(builds.count(), 0, "{}", slot.stderr());
    clean(&slot);
}

fn everything_is_shown_and_removed_by_clean(engine: Engine) {
    let slot = slot(engine, TICKING);
    let mut running = slot.start();
    wait_for_run(&slot);
    running.kill();
    let bystander = format!("buoy-bystander-{}", slot.init_data.wu_name);
    let made = self::slot(engine, "");
    made.run().assert_success();
    assert!(made.try_ask(&["tag", &images(&made).pop_first().unwrap(), &bystander]).status.success());
    let clean = |dry: bool| {
        let mut command = Command::new(wrapper());
        command.current_dir("/").arg("--clean").arg(slot.root.path());
        let output = command.args(dry.then_some("--dry-run")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = clean(true);
    assert!(shown.contains("would remove") && shown.contains(" container "), "{shown}");
    assert_eq!(build_containers(&slot, "running").len(), 1, "a dry run removes nothing");
    let owner = owner(&slot);
    let removed = clean(false);
    assert!(removed.contains("removed") && !slot.state_dir().exists(), "{removed}");
    let left = listed(&slot, &["ps", "-aq", "--filter", &format!("name=^buoy-build-{owner}-")]);
    assert!(left.is_empty());
    assert_eq!(images(&made).len(), 1, "what belongs to another client stays");
    let _ = made.try_ask(&["image", "rm", &bystander]);
    self::clean(&made);
}

/// A file `buoy/state.json` once made the wrapper move an output anywhere, and a job succeed that never ran.
fn files_of_a_workunit_are_not_believed_to_be_state(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo ran > out.txt");
    let target = slot.root.path().join("authorized_keys");
    let state = format!(
        "{{\"format\":2,\"result_name\":\"{}\",\"slot\":\"/\",\"engine\":null,\"container_mark\":\"\",\
         \"manifest\":{{\"inputs\":[],\"outputs\":[{{\"name\":\"out.txt\",\"target\":\"{}\"}}]}},\
         \"cpu_base_seconds\":0.0,\"cpu_total_seconds\":0.0,\"host_attempts\":0,\"ended\":{{\"code\":0,\"why\":\"\"}}}}",
        slot.init_data.result_name,
        target.display()
    );
    for name in ["buoy/state.json", "buoy/x/y", "Buoy/state.json"] {
        slot.copy(name, &state);
        slot.run().assert_status(206);
        let shown = name.strip_suffix("/y").unwrap_or(name);
        assert!(slot.stderr().contains(shown), "{}", slot.stderr());
        assert!(!target.exists() && !slot.dir.join("out.txt").exists());
        fs::remove_dir_all(slot.dir.join(name.split('/').next().unwrap())).unwrap();
        fs::remove_dir_all(slot.state_dir()).unwrap();
    }
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "ran\n");
}

fn a_state_directory_that_is_something_else_is_the_hosts_fault(engine: Engine) {
    let slot = Slot::with_script(engine, "echo ran > out.txt");
    let elsewhere = slot.root.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, slot.state_dir()).unwrap();
    let running = slot.run();
    assert_eq!(running.finish(), None, "{}", slot.stderr());
    assert!(running.temporary_exit().expect("a temporary exit").reason.text.contains("buoy+state"));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    fs::remove_file(slot.state_dir()).unwrap();
    slot.run().assert_success();
}

fn a_job_that_sees_the_project_directory_does_not_see_the_state(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "busybox ls /project > seen; busybox ls -A /project/buoy+state > state 2>&1; \
         echo x > /project/buoy+state/x; echo x > /project/x; exit 0",
    );
    slot.copy("job.toml", "project_dir_mount = \"/project\"\n");
    slot.app_file("policy.toml", "project_dir = true\n");
    slot.run().assert_success();
    assert!(fs::read_to_string(slot.dir.join("seen")).unwrap().contains("phys_busybox"));
    assert_eq!(fs::read_to_string(slot.dir.join("state")).unwrap(), "");
    assert!(!slot.state_dir().join("x").exists() && !slot.project.join("x").exists());
}

fn a_compressed_file_is_not_added(engine: Engine) {
    let mut slot = slot(engine, "ADD data.bin /data/");
    slot.copy("data.bin", "\u{1f}x");
    fs::write(slot.dir.join("data.bin"), b"\x1f\x8b\x08 not really").unwrap();
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("compressed with gzip"), "{}", slot.stderr());
    assert_eq!(images(&slot), BTreeSet::new());
}

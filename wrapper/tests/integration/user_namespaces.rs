//! Daemons in whose containers user numbers mean others than on the host: remapped ones, and rootless ones.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use boinc::wire::message::Control;

use crate::support::{Dockerd, PlainUser, Slot, wait_until};

/// Reads and writes everything that a job may, and leaves a directory that only its owner can enter.
const SCRIPT: &str = "busybox cat linked copied > made.txt && echo out > out.txt\n\
    busybox mkdir -p closed/inner && echo x > closed/inner/x && busybox chmod -R 500 closed && busybox id > id";

fn with_files(mut slot: Slot) -> Slot {
    slot.own_images();
    slot.link_input("linked", b"linked\n");
    slot.copy("copied", "copied\n");
    slot
}

/// The job has done all it wanted, and what it made is the user's.
#[track_caller]
fn assert_served(slot: &mut Slot, uid: u32) {
    let out = slot.link_output("out.txt", 0);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("made.txt")).unwrap(), "linked\ncopied\n");
    for path in [&slot.dir.join("made.txt"), &out] {
        assert_eq!(fs::metadata(path).unwrap().uid(), uid, "{}", path.display());
    }
    assert!(slot.status().is_none(), "the container is gone");
    // As the client does.
    let removed = slot.host.command("rm").arg("-r").arg(slot.dir.join("buoy")).output().unwrap();
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

/// The host cannot: nothing is held against the job.
#[track_caller]
fn assert_postponed(slot: &Slot, why: &str) {
    let running = slot.run();
    let later = running.temporary_exit().unwrap_or_else(|| panic!("{}", slot.stderr()));
    assert!(later.reason.text.contains(why), "{later:?}");
    assert_eq!(running.finish(), None);
}

#[test]
fn a_daemon_that_maps_users_serves_root() {
    let Some(daemon) = Dockerd::start_remapping() else { return };
    let mut slot = with_files(daemon.slot(SCRIPT));
    assert_served(&mut slot, 0);
    assert!(fs::read_to_string(slot.dir.join("id")).unwrap().starts_with("uid=0"));
    // A build step reads its arguments from a file of the wrapper's.
    let mut slot = with_files(daemon.slot("busybox cat /built > seen"));
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nARG WORD=built\n\
        RUN echo $WORD > /built\nWORKDIR /app\n\
        ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n";
    slot.copy("Dockerfile", dockerfile);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "built\n");
}

#[test]
fn a_daemon_that_maps_users_serves_others_where_the_volunteer_allows_it() {
    let Some(daemon) = Dockerd::start_remapping() else { return };
    let mut slot = with_files(daemon.slot_of_user(SCRIPT));
    assert_postponed(&slot, "host_user_namespace = true");
    fs::write(slot.root.path().join("buoy-volunteer.toml"), "host_user_namespace = true\n").unwrap();
    let uid = PlainUser::of_tests().uid();
    assert_served(&mut slot, uid);
    let id = fs::read_to_string(slot.dir.join("id")).unwrap();
    assert!(id.starts_with(&format!("uid={uid}")), "{id}");
}

#[test]
fn a_rootless_daemon_serves_its_user_and_nobody_else() {
    let Some(daemon) = Dockerd::start_rootless() else { return };
    let mut slot = with_files(daemon.slot_of_user(SCRIPT));
    assert_served(&mut slot, PlainUser::of_tests().uid());
    let slot = with_files(daemon.slot(SCRIPT));
    assert_postponed(&slot, "failed to use rootless Docker as root");
}

/// Without cgroups of its own such a daemon can neither pause nor limit a container.
#[test]
fn a_job_of_a_rootless_daemon_is_paused_measured_and_limited() {
    let Some(daemon) = Dockerd::start_rootless() else { return };
    let script = "i=0; while [ $i -lt 60 ]; do echo $i >> ticks; busybox dd if=/dev/zero of=/dev/null bs=1M count=300 \
        2>/dev/null; busybox usleep 50000; i=$((i+1)); done";
    let mut slot = daemon.slot_of_user(script);
    slot.own_images();
    let mut running = slot.start();
    let ticks = || fs::read_to_string(slot.work("ticks")).map_or(0, |text| text.lines().count());
    wait_until(&format!("the first ticks; {}", slot.stderr()), || ticks() > 2);
    running.send(Control::Suspend);
    let stands_still = || {
        let before = ticks();
        std::thread::sleep(Duration::from_millis(700));
        ticks() == before
    };
    wait_until("the pause", stands_still);
    running.send(Control::Resume);
    running.wait_for_exit();
    running.assert_success();
    let status = running.last_status.clone().unwrap();
    assert!(status.current_cpu_time > 0.2, "{status:?}");

    let greedy = "busybox sleep 1; busybox dd if=/dev/zero of=/dev/null bs=200M count=1000000";
    let mut slot = daemon.slot_of_user(greedy);
    slot.own_images();
    slot.init_data.rsc_memory_bound = 50e6;
    slot.run().assert_status(198);
}

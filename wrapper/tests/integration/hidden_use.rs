//! Jobs that hide what they take from their limits, and hosts whose engine cannot set a limit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Engine, Slot, each_engine};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_deleted_file_that_is_kept_open_counts,
    a_directory_without_permissions_counts,
    a_work_directory_without_permissions_counts,
    a_path_of_five_thousand_bytes_counts,
    a_directory_that_is_moved_about_counts,
    the_bytes_of_hard_links_count_once,
    directories_that_come_and_go_are_not_held_against_a_job,
    a_workunit_without_bounds_has_a_memory_limit,
);

with_rootless_podman!(
    a_deleted_file_that_is_kept_open_counts,
    a_directory_without_permissions_counts,
    a_work_directory_without_permissions_counts,
    a_path_of_five_thousand_bytes_counts,
    a_directory_that_is_moved_about_counts,
    directories_that_come_and_go_are_not_held_against_a_job,
    memory_is_limited_even_where_the_engine_cannot,
    processes_are_limited_even_where_the_engine_cannot,
);

const BIG: &str = "busybox dd if=/dev/zero bs=1M count=40 2>/dev/null";

/// The job is stopped at its disk limit of 20 MB, and what it leaves can be removed like any other slot.
#[track_caller]
fn assert_stopped_at_its_disk_limit(mut slot: Slot) {
    slot.init_data.rsc_disk_bound = 20e6;
    slot.run().assert_status(196);
    assert!(slot.stderr().contains("more than 20000000 bytes"), "{}", slot.stderr());
    let removed = slot.host.command("rm").arg("-r").arg(slot.dir.join("buoy")).output().unwrap();
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

fn a_deleted_file_that_is_kept_open_counts(engine: Engine) {
    let script = format!("exec 3>gone; busybox rm gone; {BIG} >&3; busybox sleep 100");
    assert_stopped_at_its_disk_limit(Slot::with_script(engine, &script));
}

fn a_directory_without_permissions_counts(engine: Engine) {
    let script = format!("busybox mkdir d; {BIG} > d/big; busybox chmod 000 d; busybox sleep 100");
    assert_stopped_at_its_disk_limit(Slot::with_script(engine, &script));
}

fn a_work_directory_without_permissions_counts(engine: Engine) {
    let script = format!("{BIG} > big; busybox chmod 000 /app; busybox sleep 100");
    assert_stopped_at_its_disk_limit(Slot::with_script(engine, &script));
}

fn a_path_of_five_thousand_bytes_counts(engine: Engine) {
    let name = "d".repeat(200);
    let script = format!(
        "i=0; while [ $i -lt 25 ]; do busybox mkdir {name}; cd {name}; i=$((i+1)); done\n\
         {BIG} > big; busybox sleep 100"
    );
    assert_stopped_at_its_disk_limit(Slot::with_script(engine, &script));
}

fn a_directory_that_is_moved_about_counts(engine: Engine) {
    let script = format!(
        "busybox mkdir x y x/d; {BIG} > x/d/big\n\
         while true; do busybox mv x/d y/d; busybox mv y/d x/d; done"
    );
    assert_stopped_at_its_disk_limit(Slot::with_script(engine, &script));
}

fn the_bytes_of_hard_links_count_once(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "busybox dd if=/dev/zero of=a bs=1M count=8 2>/dev/null\n\
         for name in b c d e; do busybox ln a $name; done; busybox sleep 4; busybox rm b c d e",
    );
    slot.init_data.rsc_disk_bound = 20e6;
    slot.run().assert_success();
}

/// A job with a temporary directory for each of its steps is no hostile job.
fn directories_that_come_and_go_are_not_held_against_a_job(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "end=$(($(busybox date +%s) + 6))\n\
         while [ $(busybox date +%s) -lt $end ]; do busybox mkdir t; echo x > t/x; busybox rm -r t; done",
    );
    slot.run().assert_success();
}

fn a_workunit_without_bounds_has_a_memory_limit(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "busybox cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max > limit 2>/dev/null; true",
    );
    slot.init_data.rsc_memory_bound = 0.0;
    slot.run().assert_success();
    let limit: u64 = fs::read_to_string(slot.dir.join("limit")).unwrap().trim().parse().unwrap();
    assert!((1_999_900_000..=2_000_000_000).contains(&limit), "{limit}");
}

fn memory_is_limited_even_where_the_engine_cannot(engine: Engine) {
    let mut slot =
        Slot::with_script(engine, "busybox dd if=/dev/zero bs=200M count=1 2>/dev/null | busybox sleep 100");
    slot.init_data.rsc_memory_bound = 100e6;
    slot.run().assert_status(198);
    assert!(slot.stderr().contains("out of memory"), "{}", slot.stderr());
}

fn processes_are_limited_even_where_the_engine_cannot(engine: Engine) {
    let mut slot =
        Slot::with_script(engine, "i=0; while [ $i -lt 60 ]; do busybox sleep 100 & i=$((i+1)); done; wait");
    slot.copy("job.toml", "pids = 20\n");
    // With cgroup version 2 the engine holds it to the limit, and the shell cannot fork.
    let running = slot.run();
    let code = running.finish().map(|finish| finish.exit_status);
    assert!(matches!(code, Some(195 | 2)), "{code:?}: {}", slot.stderr());
    assert!(slot.stderr().contains("processes"), "{}", slot.stderr());
}

/// A small file system over a directory, until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn over(directory: &Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs"]).arg(directory);
        if command.status().is_ok_and(|status| status.success()) {
            return Some(Self(directory.to_owned()));
        }
        println!("nothing can be mounted here: left out");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_job_is_stopped_before_the_disk_is_full_and_tried_again() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(
            engine,
            "echo start >> starts; [ -e big ] && exit 0\n\
             while true; do busybox dd if=/dev/zero bs=100k count=1 2>/dev/null >> big || exit 7; busybox usleep 30000; done",
        );
        let files: Vec<(String, Vec<u8>)> = ["Dockerfile", "main.sh", "busybox"]
            .map(|name| (name.to_owned(), fs::read(slot.dir.join(name)).unwrap()))
            .into();
        let Some(_mounted) = Mounted::over(&slot.dir) else { return };
        for (name, content) in files {
            fs::write(slot.dir.join(name), content).unwrap();
        }
        slot.init_data.rsc_disk_bound = 1e9;
        let filler = slot.dir.join("boinc_filler");
        fs::write(&filler, vec![1_u8; 385 << 20]).unwrap();
        let running = slot.run();
        assert_eq!(running.finish(), None, "{}", slot.stderr());
        let exit = running.temporary_exit().expect("a temporary exit");
        assert!(exit.reason.text.contains("is almost full"), "{exit:?}");
        assert_eq!(slot.status(), None, "its container is gone");
        fs::remove_file(filler).unwrap();
        slot.run().assert_success();
        assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nstart\n");
    });
}

#[test]
fn a_job_over_its_own_bound_is_blamed_even_if_the_disk_is_almost_full() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(
            engine,
            "busybox dd if=/dev/zero of=big bs=1M count=30 2>/dev/null; busybox sleep 100",
        );
        slot.init_data.rsc_disk_bound = 20e6;
        let began = std::time::Instant::now();
        slot.run().assert_status(196);
        assert!(began.elapsed() < Duration::from_secs(30));
    });
}

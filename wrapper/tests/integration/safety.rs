//! What a job can do to its host: nothing.

use std::fs;
use std::time::Duration;

use crate::support::{Engine, Slot, each_engine};
use crate::with_each_engine;

with_each_engine!(
    a_job_has_no_network_no_capabilities_and_gains_no_privileges,
    a_job_over_its_memory_is_out_of_memory_by_the_kernels_word,
    a_job_that_exits_137_by_itself_is_not_out_of_memory,
    a_job_that_forks_without_end_is_held,
    a_job_that_logs_without_end_is_held,
    a_job_that_writes_files_without_end_is_stopped,
    a_job_that_writes_bytes_without_end_is_stopped,
    a_job_that_writes_outside_its_work_directory_is_stopped,
    a_file_named_like_a_library_is_loaded_by_nobody,
);

fn a_job_has_no_network_no_capabilities_and_gains_no_privileges(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "busybox grep -E 'Cap(Eff|Prm|Bnd|Inh)|NoNewPrivs' /proc/self/status > status\n\
         busybox ls /sys/class/net > net",
    );
    slot.run().assert_success();
    let status = fs::read_to_string(slot.dir.join("status")).unwrap();
    for line in status.lines() {
        let (key, value) = line.split_once(':').unwrap();
        let expected = if key == "NoNewPrivs" { "1" } else { "0000000000000000" };
        assert_eq!(value.trim(), expected, "{status}");
    }
    assert_eq!(fs::read_to_string(slot.dir.join("net")).unwrap(), "lo\n");
}

fn a_job_over_its_memory_is_out_of_memory_by_the_kernels_word(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        // Podman's own word is not always there, so the job lives until its counters are being read.
        "busybox sleep 1; exec busybox dd if=/dev/zero of=/dev/null bs=200M count=1",
    );
    slot.init_data.rsc_memory_bound = 50e6;
    slot.run().assert_status(198);
    assert!(slot.stderr().contains("out of memory"), "{}", slot.stderr());
}

fn a_job_that_exits_137_by_itself_is_not_out_of_memory(engine: Engine) {
    let slot = Slot::with_script(engine, "exit 137");
    slot.run().assert_status(137);
    assert!(!slot.stderr().contains("memory"), "{}", slot.stderr());
}

fn a_job_that_forks_without_end_is_held(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "(i=0; while [ $i -lt 300 ]; do busybox sleep 5 & i=$((i+1)); done) 2>/dev/null\n\
         i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done",
    );
    slot.copy("job.toml", "pids = 50\n");
    let mut running = slot.run();
    let _ = running.take_status();
    assert!(slot.stderr().contains("processes"), "{}", slot.stderr());
}

fn a_job_that_logs_without_end_is_held(engine: Engine) {
    // A hundred times what is kept; ten gigabytes would only take longer.
    let mut slot = Slot::with_script(engine, "busybox yes 'a line of the log' | busybox head -c 100000000");
    slot.copy("job.toml", "max_log_bytes = 1000000\n");
    let running = slot.run();
    running.assert_success();
    let bytes = fs::metadata(slot.dir.join("stderr.txt")).unwrap().len();
    assert!(bytes < 63_000, "{bytes}");
    assert!(slot.stderr().contains("only its end"));
}

/// Docker begins a full log anew.
#[test]
fn a_job_that_has_just_filled_its_log_still_shows_its_end() {
    each_engine(Engine::Docker, |engine| {
        // A line takes about 1,074 bytes of the log: after 930 of them it is begun anew.
        let line = "x".repeat(999);
        let mut slot = Slot::with_script(engine, &format!("busybox yes {line} | busybox head -n 950"));
        slot.copy("job.toml", "max_log_bytes = 1000000\n");
        slot.run().assert_success();
        let said = slot.stderr();
        assert!(said.matches(&line).count() >= 48, "{}", said.matches(&line).count());
    });
}

fn a_job_that_writes_files_without_end_is_stopped(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "i=0; while true; do : > f$i; i=$((i+1)); [ $((i % 1000)) = 0 ] && busybox usleep 1000; done",
    );
    slot.copy("job.toml", "max_files = 2000\n");
    slot.run().assert_status(196);
    assert!(slot.stderr().contains("more than 2000 files"), "{}", slot.stderr());
}

fn a_job_that_writes_bytes_without_end_is_stopped(engine: Engine) {
    let mut slot =
        Slot::with_script(engine, "busybox dd if=/dev/zero of=big bs=1M count=40; busybox sleep 60");
    slot.init_data.rsc_disk_bound = 20e6;
    let began = std::time::Instant::now();
    slot.run().assert_status(196);
    assert!(slot.stderr().contains("more than 20000000 bytes"), "{}", slot.stderr());
    assert!(began.elapsed() < Duration::from_secs(40));
}

fn a_job_that_writes_outside_its_work_directory_is_stopped(engine: Engine) {
    let mut slot =
        Slot::with_script(engine, "busybox dd if=/dev/zero of=/bin/big bs=1M count=40; busybox sleep 60");
    slot.init_data.rsc_disk_bound = 20e6;
    slot.run().assert_status(196);
    assert!(slot.stderr().contains("more than 20000000 bytes"), "{}", slot.stderr());
}

/// The client puts the slot on the loader's path, so a submitter's file could become part of our process or the engine's.
fn a_file_named_like_a_library_is_loaded_by_nobody(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    let libraries = [
        "libc.so.6",
        "libgcc_s.so.1",
        "libseccomp.so.2",
        "libgpgme.so.11",
        "libsubid.so.4",
        "libdevmapper.so.1.02.1",
    ];
    for name in libraries {
        slot.copy(name, "no library at all");
    }
    // Files of the image stay in the slot while the job runs.
    let files: Vec<&str> = ["busybox", "main.sh"].into_iter().chain(libraries).collect();
    slot.copy("job.toml", &format!("build_files = {files:?}\n"));
    slot.run().assert_success();
}

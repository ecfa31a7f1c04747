//! A job from its start to its end.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::{Engine, PlainUser, Slot};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_job_succeeds_and_leaves_nothing_behind,
    a_jobs_exit_status_becomes_the_tasks,
    arguments_arrive_as_they_were_written,
    cpu_time_and_memory_are_reported,
    progress_is_scaled_into_the_clients_range,
    what_the_job_printed_is_in_stderr_txt,
    an_engine_is_found_when_the_client_names_none,
    what_a_job_writes_belongs_to_the_user_of_the_slot,
);

with_rootless_podman!(
    a_job_succeeds_and_leaves_nothing_behind,
    a_jobs_exit_status_becomes_the_tasks,
    arguments_arrive_as_they_were_written,
    cpu_time_and_memory_are_reported,
    what_the_job_printed_is_in_stderr_txt,
    what_a_job_writes_belongs_to_the_user_of_the_slot,
);

pub fn a_job_succeeds_and_leaves_nothing_behind(engine: Engine) {
    let mut slot = Slot::with_script(engine, "busybox tr a-z A-Z < in.txt > out.txt");
    slot.link_input("in.txt", b"hello\n");
    let output = slot.link_output("out.txt", 0);
    let running = slot.run();
    running.assert_success();
    assert_eq!(fs::read_to_string(output).unwrap(), "HELLO\n");
    assert_eq!(engine.status(&slot.container()), None, "the container is removed");
}

pub fn a_jobs_exit_status_becomes_the_tasks(engine: Engine) {
    let slot = Slot::with_script(engine, "exit 3");
    let running = slot.run();
    running.assert_status(3);
    assert!(slot.stderr().contains("exited with status 3"), "{}", slot.stderr());
}

pub fn arguments_arrive_as_they_were_written(engine: Engine) {
    let words = ["--name", "a b", "$(touch /app/ran)", "`id`", ";", "\"'\\<", "*", "cost$HOME", "--verbose"];
    let mut slot = Slot::with_script(
        engine,
        "echo \"$#\" > count\nfor a; do echo \"[$a]\"; done > args\necho \"$ARGS\" > env",
    );
    slot.copy("job.toml", "pass_args = \"both\"\n");
    slot.argument(&boinc::job::argv::encode(&words));
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("args")).unwrap();
    let expected: String = words.iter().map(|word| format!("[{word}]\n")).collect();
    assert_eq!(seen, expected);
    assert_eq!(fs::read_to_string(slot.dir.join("env")).unwrap(), format!(" {}\n", words.join(" ")));
    assert!(!slot.dir.join("ran").exists());
}

pub fn cpu_time_and_memory_are_reported(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; busybox sleep 2.5; times > times.txt",
    );
    slot.init_data.wu_cpu_time = 100.0;
    let running = slot.run();
    running.assert_success();
    let status = running.last_status.clone().expect("a status");
    assert!(status.current_cpu_time > 100.01 && status.current_cpu_time < 200.0, "{status:?}");
    assert!(running.last_wss_bytes.is_some_and(|bytes| bytes > 10_000.0), "{status:?}");
}

fn progress_is_scaled_into_the_clients_range(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo 0.5 > fraction_done; busybox sleep 2.5");
    slot.init_data.fraction_done_start = 0.2;
    slot.init_data.fraction_done_end = 0.6;
    let running = slot.run();
    running.assert_success();
    let fraction = running.last_status.clone().and_then(|status| status.fraction_done);
    assert!(fraction.is_some_and(|fraction| (fraction - 0.4).abs() < 1e-6), "{fraction:?}");
}

pub fn what_the_job_printed_is_in_stderr_txt(engine: Engine) {
    let slot = Slot::with_script(engine, "echo to stdout; echo to stderr >&2");
    slot.run().assert_success();
    let text = slot.stderr();
    assert!(text.contains("to stdout") && text.contains("to stderr"), "{text}");
    assert!(text.trim_end().lines().last().unwrap().contains("the job succeeded"), "{text}");
}

fn an_engine_is_found_when_the_client_names_none(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.init_data.host_info.engine = None;
    // Only this engine is to be seen.
    let bin = slot.root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let run = slot.run();
    run.assert_success();
}

fn what_a_job_writes_belongs_to_the_user_of_the_slot(engine: Engine) {
    let slot = Slot::with_script(engine, "echo x > out.txt");
    slot.run().assert_success();
    let own = || rustix::process::geteuid().as_raw();
    let user = slot.host.user().map_or_else(own, PlainUser::uid);
    assert_eq!(fs::metadata(slot.dir.join("out.txt")).unwrap().uid(), user);
}

//! What a submitter may not ask for, and how it is said.

use std::fs;

use crate::support::{Engine, Slot};
use crate::with_each_engine;

with_each_engine!(
    a_workunit_that_asks_for_a_mount_is_refused,
    the_projects_policy_allows_and_its_job_toml_may_do_as_it_likes,
    a_workunits_own_policy_counts_for_nothing,
    a_volunteers_file_tightens,
    a_build_without_network_does_not_use_the_hosts,
    a_broken_policy_runs_nothing_and_is_not_retried_for_ever,
    a_forged_link_to_another_file_is_refused,
    an_unknown_key_is_named_with_its_line_and_its_neighbour,
);

pub fn a_workunit_that_asks_for_a_mount_is_refused(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("job.toml", "mount = [\"/etc:/mnt\"]\n");
    slot.run().assert_status(206);
    let text = slot.stderr();
    assert!(text.contains("mount = \"/etc:/mnt\"") && text.contains("no policy.toml"), "{text}");
    assert_eq!(engine.status(&slot.container()), None);
}

fn the_projects_policy_allows_and_its_job_toml_may_do_as_it_likes(engine: Engine) {
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("database"), "x\n").unwrap();
    let script = "busybox cp /mnt/database out.txt";
    let asks = format!("mount = [\"{}:/mnt:ro\"]\n", shared.path().display());
    let mut slot = Slot::with_script(engine, script);
    slot.copy("job.toml", &asks);
    slot.app_file("policy.toml", &format!("mounts = [\"{}\"]\n", shared.path().display()));
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "x\n");
}

fn a_workunits_own_policy_counts_for_nothing(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("job.toml", "network = true\n").copy("policy.toml", "network = true\n");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("network = true"), "{}", slot.stderr());
}

fn a_volunteers_file_tightens(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("job.toml", "network = true\n");
    slot.app_file("policy.toml", "network = true\n");
    fs::write(slot.root.path().join("buoy-volunteer.toml"), "network = false\n").unwrap();
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("buoy-volunteer.toml"), "{}", slot.stderr());
}

fn a_broken_policy_runs_nothing_and_is_not_retried_for_ever(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.app_file("policy.toml", "netwrok = true\n");
    slot.init_data.computation_deadline = 1.0;
    let mut delays = Vec::new();
    loop {
        let running = slot.run();
        match running.temporary_exit() {
            Some(exit) => {
                assert!(exit.reason.text.contains("policy.toml:1"), "{exit:?}");
                delays.push(exit.delay_seconds);
            }
            None => break running.assert_status(206),
        }
        assert!(delays.len() < 20, "{delays:?}");
    }
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
}

fn a_build_without_network_does_not_use_the_hosts(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("Dockerfile", "FROM scratch\nADD http://127.0.0.1:631/ /printers\n");
    fs::write(slot.root.path().join("buoy-volunteer.toml"), "build_network = false\n").unwrap();
    slot.run().assert_status(206);
    let text = slot.stderr();
    assert!(text.contains("line 2: ADD from the address \"http://127.0.0.1:631/\""), "{text}");
}

fn a_forged_link_to_another_file_is_refused(engine: Engine) {
    let mut slot = Slot::with_script(engine, "busybox cat in.txt > out.txt");
    slot.copy("in.txt", "<soft_link>../../../../../../etc/passwd</soft_link>\n");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("etc/passwd, which is not directly in"), "{}", slot.stderr());
}

fn an_unknown_key_is_named_with_its_line_and_its_neighbour(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("job.toml", "workdir = \"/app\"\nuse_gpus = true\n");
    slot.run().assert_status(206);
    let text = slot.stderr();
    assert!(text.contains("job.toml:2") && text.contains("use_gpus") && text.contains("use_gpu"), "{text}");
}

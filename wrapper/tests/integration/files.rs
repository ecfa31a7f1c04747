//! Inputs and outputs in both modes, over restarts, with old clients.

use std::fs;
use std::os::unix::fs::MetadataExt;

use boinc::wire::message::Control;

use crate::support::{Engine, PlainUser, Slot, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_link_mode_input_is_read_only_and_never_copied,
    a_copy_mode_input_may_be_changed_and_survives_a_restart,
    a_fresh_copy_of_an_old_client_does_not_replace_what_the_job_changed,
    copy_mode_outputs_appear_in_the_slot,
    files_belong_to_the_slots_user,
    the_job_sees_a_cleaned_init_data_and_nothing_of_the_clients,
    an_output_that_never_appears_fails_the_job,
    an_output_over_its_size_fails_the_job,
    a_symbolic_link_named_like_an_output_is_not_followed,
    files_in_directories_are_inputs_and_outputs_too,
    a_job_may_close_what_it_leaves,
);

with_rootless_podman!(a_job_may_close_what_it_leaves, files_of_subordinate_ids_come_back);

/// As package caches do, or a job that protects its results. The job's success counts, and the slot can be emptied.
fn a_job_may_close_what_it_leaves(engine: Engine) {
    for close in [
        "busybox mkdir -p cache/pkg; echo 1 > cache/pkg/f; busybox chmod -R a-w cache",
        "busybox mkdir t; busybox chmod 000 t",
        "busybox mkdir t; echo x > t/f; busybox chmod 000 t/f t out.txt",
        "busybox chmod 555 .",
        "busybox chmod 000 .",
    ] {
        for declared in ["", "[[outputs]]\nname = \"out.txt\"\n"] {
            let mut slot = Slot::with_script(engine, &format!("echo out > out.txt; {close}"));
            slot.copy("job.toml", declared);
            slot.run().assert_success();
            assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "out\n", "{close}");
            let removed = slot.host.command("rm").arg("-r").arg(slot.dir.join("buoy")).output().unwrap();
            assert!(removed.status.success(), "{close}: {}", String::from_utf8_lossy(&removed.stderr));
        }
    }
}

/// Where a policy gives a job the right to change owners.
fn files_of_subordinate_ids_come_back(engine: Engine) {
    let script = "echo out > out.txt; busybox mkdir -p sub/inner; echo x > sub/inner/f\n\
        busybox chmod 700 sub/inner; busybox chown -R 33:33 sub out.txt";
    let mut slot = Slot::with_script(engine, script);
    slot.app_file("policy.toml", "create_args = [\"--cap-add=CHOWN\"]\n");
    slot.copy("job.toml", "create_args = \"--cap-add=CHOWN\"\n");
    slot.run().assert_success();
    let owner = fs::metadata(slot.dir.join("out.txt")).unwrap().uid();
    assert_eq!(Some(owner), slot.host.user().map(PlainUser::uid));
    let removed = slot.host.command("rm").arg("-r").arg(slot.dir.join("buoy")).output().unwrap();
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

fn a_link_mode_input_is_read_only_and_never_copied(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "if echo changed >> big.bin; then exit 9; fi\nbusybox wc -c < big.bin > size",
    );
    // Two gigabytes that take no room: a copy would.
    let path = slot.link_input("big.bin", b"");
    fs::File::options().write(true).open(&path).unwrap().set_len(2_000_000_000).unwrap();
    let running = slot.run();
    running.assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("size")).unwrap().trim(), "2000000000");
    assert_eq!(fs::metadata(&path).unwrap().blocks(), 0);
    assert_eq!(fs::metadata(slot.work("big.bin")).unwrap().len(), 0, "only a place to mount it on");
}

fn a_copy_mode_input_may_be_changed_and_survives_a_restart(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "echo more >> data.txt; echo x > ready\nwhile ! [ -e go ]; do busybox usleep 20000; done\n\
         busybox cat data.txt > result",
    );
    slot.copy("data.txt", "first\n");
    let mut running = slot.start();
    wait_until("the job", || slot.work("ready").exists());
    running.send(Control::Quit);
    running.wait_for_exit();
    fs::write(slot.work("go"), "").unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("result")).unwrap(), "first\nmore\n");
}

fn a_fresh_copy_of_an_old_client_does_not_replace_what_the_job_changed(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "echo more >> data.txt; echo x > ready\nwhile ! [ -e go ]; do busybox usleep 20000; done\n\
         busybox cat data.txt > result",
    );
    slot.copy("data.txt", "first\n");
    let mut running = slot.start();
    wait_until("the job", || slot.work("ready").exists());
    running.send(Control::Quit);
    running.wait_for_exit();
    // The container is lost, and the client (7.20.5) has put the input into the slot again.
    engine.run(&["rm", "--force", &slot.container()]);
    slot.copy("data.txt", "first\n");
    fs::write(slot.work("go"), "").unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("result")).unwrap(), "first\nmore\nmore\n");
}

fn copy_mode_outputs_appear_in_the_slot(engine: Engine) {
    let slot = Slot::with_script(engine, "echo one > out.txt");
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "one\n");
}

fn files_belong_to_the_slots_user(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo one > out.txt; busybox id -u > id");
    let output = slot.link_output("out.txt", 0);
    slot.run().assert_success();
    let owner = fs::metadata(&slot.dir).unwrap().uid();
    assert_eq!(fs::metadata(output).unwrap().uid(), owner);
    assert_eq!(fs::metadata(slot.dir.join("id")).unwrap().uid(), owner);
}

fn the_job_sees_a_cleaned_init_data_and_nothing_of_the_clients(engine: Engine) {
    let mut slot = Slot::with_script(engine, "busybox cat init_data.xml > seen.xml; busybox ls -A > list");
    slot.link_input("in.txt", b"x");
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen.xml")).unwrap();
    assert!(seen.contains("<wu_name>") && !seen.contains("0123456789abcdef"), "{seen}");
    let mut list: Vec<String> =
        fs::read_to_string(slot.dir.join("list")).unwrap().lines().map(str::to_owned).collect();
    list.sort();
    assert_eq!(list, ["Dockerfile", "busybox", "in.txt", "init_data.xml", "list", "main.sh", "seen.xml"]);
}

fn an_output_that_never_appears_fails_the_job(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy(
        "job.toml",
        "outputs = [{ name = \"poses.pdbqt\" }, { name = \"log.txt\", optional = true }]\n",
    );
    let running = slot.run();
    running.assert_status(195);
    assert!(slot.stderr().contains("output poses.pdbqt was never written"), "{}", slot.stderr());
}

fn an_output_over_its_size_fails_the_job(engine: Engine) {
    let mut slot = Slot::with_script(engine, "busybox seq 1000 > poses.pdbqt");
    slot.copy("job.toml", "outputs = [{ name = \"poses.pdbqt\", max_bytes = 100 }]\n");
    let running = slot.run();
    running.assert_status(195);
    assert!(
        slot.stderr().contains("output poses.pdbqt has 3893 bytes, more than its limit of 100"),
        "{}",
        slot.stderr()
    );
}

fn a_symbolic_link_named_like_an_output_is_not_followed(engine: Engine) {
    let mut slot =
        Slot::with_script(engine, "busybox ln -s /etc/hostname out.txt; busybox ln -s /etc/passwd other");
    let output = slot.link_output("out.txt", 0);
    let running = slot.run();
    running.assert_status(195);
    assert!(slot.stderr().contains("output out.txt is a symbolic link"), "{}", slot.stderr());
    assert!(!output.exists() && !slot.dir.join("other").is_symlink());
}

fn files_in_directories_are_inputs_and_outputs_too(engine: Engine) {
    let mut slot = Slot::with_script(engine, "busybox cat data/in.txt > results/out.txt");
    slot.copy("data/in.txt", "nested\n");
    fs::create_dir_all(slot.dir.join("results")).unwrap();
    let output = slot.link_output("results/out.txt", 0);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(output).unwrap(), "nested\n");
}

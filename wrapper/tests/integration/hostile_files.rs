//! Files of a workunit and of a job that lie: nothing of the host is changed by them, and none of it reaches the job.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::{Engine, Slot, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_projects_file_keeps_its_bytes_its_mode_and_its_inode,
    an_input_cannot_be_linked_into_the_work_directory,
    an_input_that_the_job_has_replaced_leads_nowhere,
    a_copy_mode_file_with_two_names_is_not_shared,
    a_set_user_id_file_is_out_of_reach_and_harmless_afterwards,
    an_output_behind_a_link_is_refused,
    an_output_that_is_not_a_regular_file_is_refused,
    undeclared_outputs_in_closed_directories_are_collected,
    outputs_do_not_replace_what_the_client_has_put_into_the_slot,
    names_of_the_wrapper_are_refused_to_workunits,
    a_work_directory_where_the_kernel_mounts_is_the_jobs_mistake,
    a_link_in_the_place_of_our_directory_is_not_followed,
);

with_rootless_podman!(
    a_projects_file_keeps_its_bytes_its_mode_and_its_inode,
    an_input_that_the_job_has_replaced_leads_nowhere,
    a_set_user_id_file_is_out_of_reach_and_harmless_afterwards,
    undeclared_outputs_in_closed_directories_are_collected,
);

fn a_projects_file_keeps_its_bytes_its_mode_and_its_inode(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "(echo evil > in.txt; busybox truncate -s 0 in.txt; busybox chmod 777 in.txt; busybox rm -f in.txt\n\
          busybox mv in.txt other; echo evil > other; echo evil > new; busybox mv new in.txt) 2>/dev/null\n\
         busybox cat in.txt > seen",
    );
    let path = slot.link_input("in.txt", b"sticky\n");
    let before = fs::metadata(&path).unwrap();
    slot.run().assert_success();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "sticky\n");
    assert_eq!((after.ino(), after.mode(), after.nlink()), (before.ino(), before.mode(), 1));
}

fn an_input_cannot_be_linked_into_the_work_directory(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "busybox ln in.txt copy 2>/dev/null && echo evil > copy; busybox ln -s in.txt soft; true",
    );
    let path = slot.link_input("in.txt", b"sticky\n");
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(&path).unwrap(), "sticky\n");
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
}

fn an_input_that_the_job_has_replaced_leads_nowhere(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "[ -e second ] && { busybox cat data/in.txt > seen; exit 0; }\n\
         busybox mv data elsewhere; busybox mkdir data; busybox ln -s /app/secret data/in.txt; echo x > secret\n\
         echo > second; echo > ready; busybox sleep 100",
    );
    let path = slot.link_input("in.txt", b"sticky\n");
    fs::create_dir(slot.dir.join("data")).unwrap();
    fs::rename(slot.dir.join("in.txt"), slot.dir.join("data/in.txt")).unwrap();
    let mut running = slot.start();
    wait_until(&format!("the job: {}", slot.stderr()), || slot.work("ready").exists());
    running.kill();
    slot.try_ask(&["rm", "--force", &slot.container()]);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), "sticky\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "sticky\n");
}

fn a_copy_mode_file_with_two_names_is_not_shared(engine: Engine) {
    let slot = Slot::with_script(engine, "echo more >> data.txt");
    let precious = slot.root.path().join("precious");
    fs::write(&precious, "old\n").unwrap();
    fs::hard_link(&precious, slot.dir.join("data.txt")).unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "old\n");
}

fn a_set_user_id_file_is_out_of_reach_and_harmless_afterwards(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "busybox cp /bin/busybox tool; busybox chmod 6755 tool; echo > ready\n\
         while ! [ -e go ]; do busybox usleep 20000; done",
    );
    // As a client's user could have it.
    fs::create_dir(slot.dir.join("buoy")).unwrap();
    fs::set_permissions(slot.dir.join("buoy"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut running = slot.start();
    wait_until(&format!("the job: {}", slot.stderr()), || slot.work("ready").exists());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(slot.dir.join("buoy")), 0o700);
    assert_eq!(mode(slot.work("tool")), 0o6755, "the job may do so");
    fs::write(slot.work("go"), "").unwrap();
    running.wait_for_exit();
    running.assert_success();
    assert_eq!(mode(slot.dir.join("tool")), 0o755);
}

fn an_output_behind_a_link_is_refused(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "busybox rmdir results; busybox ln -s /etc results; echo x > /etc/hostname 2>/dev/null; true",
    );
    fs::create_dir(slot.dir.join("results")).unwrap();
    let output = slot.link_output("out.txt", 0);
    fs::rename(slot.dir.join("out.txt"), slot.dir.join("results/hostname")).unwrap();
    slot.run().assert_status(195);
    assert!(slot.stderr().contains("behind a symbolic link"), "{}", slot.stderr());
    assert!(!output.exists());
}

fn an_output_that_is_not_a_regular_file_is_refused(engine: Engine) {
    for (make, kind) in [("mkfifo out.txt", "a pipe"), ("mkdir out.txt", "a directory")] {
        let mut slot = Slot::with_script(engine, &format!("busybox {make}"));
        slot.copy("job.toml", "outputs = [{ name = \"out.txt\" }]\n");
        let output = slot.link_output("out.txt", 0);
        slot.run().assert_status(195);
        assert!(slot.stderr().contains(&format!("output out.txt is {kind}")), "{}", slot.stderr());
        assert!(!output.exists());
    }
}

fn undeclared_outputs_in_closed_directories_are_collected(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "busybox mkdir -p a/b; echo x > a/b/out; busybox chmod 000 a/b/out a/b a /app",
    );
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("a/b/out")).unwrap(), "x\n");
}

fn outputs_do_not_replace_what_the_client_has_put_into_the_slot(engine: Engine) {
    let mut slot = Slot::with_script(
        engine,
        "for name in policy.toml init_data.xml boinc_finish_called stderr.txt program; do\n\
         busybox rm -f $name; echo evil > $name; done 2>/dev/null; true",
    );
    slot.app_file("policy.toml", "network = false\n");
    let link = fs::read_to_string(slot.dir.join("policy.toml")).unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("policy.toml")).unwrap(), link);
    assert!(!fs::read_to_string(slot.dir.join("init_data.xml")).unwrap().contains("evil"));
    assert!(!slot.stderr().starts_with("evil"));
}

fn names_of_the_wrapper_are_refused_to_workunits(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy("BUOY/x", "evil");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("\"BUOY/x\" belongs to the wrapper"), "{}", slot.stderr());
    for name in ["buoy", "Buoy/out.txt"] {
        let mut slot = Slot::with_script(engine, "true");
        slot.copy("job.toml", &format!("outputs = [{{ name = \"{name}\" }}]\n"));
        slot.run().assert_status(206);
        assert!(slot.stderr().contains("belongs to the wrapper"), "{}", slot.stderr());
    }
}

fn a_work_directory_where_the_kernel_mounts_is_the_jobs_mistake(engine: Engine) {
    for (key, path) in
        [("workdir", "/proc"), ("workdir", "/proc/x"), ("workdir", "/etc"), ("project_dir_mount", "/dev")]
    {
        let mut slot = Slot::with_script(engine, "true");
        slot.copy("job.toml", &format!("{key} = \"{path}\"\n"));
        slot.run().assert_status(206);
        assert!(slot.stderr().contains(&format!("{key} is \"{path}\"")), "{}", slot.stderr());
    }
}

fn a_link_in_the_place_of_our_directory_is_not_followed(engine: Engine) {
    let slot = Slot::with_script(engine, "echo evil > precious");
    let home = slot.root.path().join("home");
    fs::create_dir_all(home.join("work")).unwrap();
    fs::write(home.join("work/precious"), "old").unwrap();
    std::os::unix::fs::symlink(&home, slot.dir.join("buoy")).unwrap();
    let running = slot.run();
    assert_ne!(running.finish().map(|finish| finish.exit_status), Some(0), "{}", slot.stderr());
    assert_eq!(fs::read_to_string(home.join("work/precious")).unwrap(), "old");
    assert_eq!(fs::read_dir(home.join("work")).unwrap().count(), 1);
}

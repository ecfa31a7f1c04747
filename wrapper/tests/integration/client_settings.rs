//! What the host's user has set for their own engine and containers stays out of a job's, and what a job brings out of the engine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Engine, Slot, each_engine, wait_until};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_proxys_password_in_the_environment_reaches_no_container,
    a_program_in_the_slot_is_not_taken_for_the_engine,
);
with_rootless_podman!(
    a_proxys_password_in_the_environment_reaches_no_container,
    a_program_in_the_slot_is_not_taken_for_the_engine,
);

const SECRET: &str = "hunter2";
const PROXY: &str = "http://me:hunter2@127.0.0.1:9";
const SCRIPT: &str = "busybox env > env.new; busybox mv env.new env; busybox sleep 2";

fn a_proxys_password_in_the_environment_reaches_no_container(engine: Engine) {
    let mut slot = Slot::with_script(engine, SCRIPT);
    slot.env = ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name.into(), PROXY.into())).into();
    assert_no_secret(&slot);
}

#[test]
fn a_proxys_password_in_dockers_configuration_reaches_no_container() {
    each_engine(Engine::Docker, |engine| {
        for key in ["proxies", "Proxies"] {
            let mut slot = Slot::with_script(engine, SCRIPT);
            let home = slot.root.path().join("home");
            fs::create_dir_all(home.join(".docker")).unwrap();
            let text =
                format!(r#"{{"{key}": {{"default": {{"httpProxy": "{PROXY}", "noProxy": "{SECRET}"}}}}}}"#);
            fs::write(home.join(".docker/config.json"), text).unwrap();
            slot.env = vec![("HOME".into(), home.into())];
            assert_no_secret(&slot);
        }
    });
}

#[track_caller]
fn assert_no_secret(slot: &Slot) {
    let mut running = slot.start();
    wait_until("the job's variables", || slot.work("env").exists());
    let output = slot.try_ask(&["container", "inspect", &slot.container()]);
    let inspected = String::from_utf8_lossy(&output.stdout).into_owned();
    running.wait_for_exit();
    running.assert_success();
    assert!(inspected.contains("HOME=/app") && !inspected.contains(SECRET), "{inspected}");
    let env = fs::read_to_string(slot.dir.join("env")).unwrap();
    assert!(env.contains("HOME=/app") && !env.contains(SECRET), "{env}");
}

/// A client may have `.` in its PATH, or an empty entry, which means the same.
fn a_program_in_the_slot_is_not_taken_for_the_engine(engine: Engine) {
    let mut slot = Slot::with_script(engine, "echo done > out.txt");
    let names = ["docker", "podman", "runc", "crun", "conmon", "newuidmap"];
    for name in names {
        slot.copy(name, "#!/bin/sh\necho $0 >> ../../taken\nexit 1\n");
        fs::set_permissions(slot.dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let files: Vec<&str> = ["busybox", "main.sh"].into_iter().chain(names).collect();
    slot.copy("job.toml", &format!("build_files = {files:?}\n"));
    slot.path = Some(".::/usr/local/bin:/usr/sbin:/usr/bin:/bin".into());
    slot.run().assert_success();
    assert!(!slot.root.path().join("taken").exists(), "{}", slot.stderr());
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "done\n");
}

//! Hosts of other years: an older Docker on PATH, a client that knows nothing of containers.

use std::fs;
use std::path::{Path, PathBuf};

use boinc::wire::init_data::InitData;
use boinc::wire::message::Control;
use boinc::wire::segment::Segment;

use crate::support::{Engine, Slot, each_engine, wait_until};

/// Every `docker` of this host, each once.
fn clients() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(["/usr/bin".into()]).map(|dir| dir.join("docker"));
    let mut found: Vec<PathBuf> = all.filter_map(|program| fs::canonicalize(program).ok()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn each_docker_client_of_this_host_runs_a_job() {
    each_engine(Engine::Docker, |engine| {
        for client in clients() {
            let mut slot =
                Slot::with_script(engine, "busybox tr a-z A-Z < in.txt > out.txt; busybox sleep 1");
            slot.link_input("in.txt", b"hello\n");
            let output = slot.link_output("out.txt", 0);
            let bin = slot.root.path().join("bin");
            fs::create_dir(&bin).unwrap();
            std::os::unix::fs::symlink(&client, bin.join("docker")).unwrap();
            slot.path = Some(format!("{}:/usr/sbin:/bin", bin.display()));
            let mut running = slot.start();
            wait_until("the job", || slot.status().as_deref() == Some("running"));
            running.send(Control::Suspend);
            wait_until("the pause", || slot.is_frozen());
            running.send(Control::Resume);
            running.wait_for_exit();
            running.assert_success();
            assert_eq!(fs::read_to_string(output).unwrap(), "HELLO\n", "{}", client.display());
        }
    });
}

/// Shared memory of System V, that goes with this.
struct SystemV(i32);

impl Drop for SystemV {
    fn drop(&mut self) {
        Segment::remove_system_v(self.0).unwrap();
    }
}

#[test]
fn a_client_from_before_docker_with_system_v_shared_memory() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(
            engine,
            "echo 0.5 > fraction_done; echo x > ready; busybox sleep 3; echo y > out.txt",
        );
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boinc/tests/data/init_data-7.20.5.xml");
        let recorded = InitData::parse(&fs::read(recorded).unwrap()).unwrap();
        assert!(recorded.host_info.engine.is_none(), "it is an old one");
        // Free on this host, and another one for each run of the tests.
        let segment = SystemV(0x6200_0000 | std::process::id().cast_signed());
        let own = slot.init_data.clone();
        slot.init_data = InitData {
            shm_key: Some(segment.0),
            project_dir: own.project_dir,
            boinc_dir: own.boinc_dir,
            result_name: own.result_name,
            wu_name: own.wu_name,
            client_pid: own.client_pid,
            rsc_memory_bound: own.rsc_memory_bound,
            rsc_disk_bound: own.rsc_disk_bound,
            ..recorded
        };
        let mut running = slot.start();
        wait_until(&format!("the job; {}", slot.stderr()), || slot.work("ready").exists());
        running.send(Control::Suspend);
        wait_until("the pause", || slot.is_frozen());
        running.send(Control::Resume);
        running.wait_for_exit();
        running.assert_success();
        assert!(!slot.dir.join("boinc_mmap_file").exists());
        let status = running.last_status.clone().expect("a status by System V shared memory");
        assert!(status.fraction_done.is_some(), "{status:?}");
    });
}

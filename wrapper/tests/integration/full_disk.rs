//! Disks that are full: the job waits for room with a reason, and nothing of it is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boinc::wire::finish::TemporaryExit;

use crate::support::{Dockerd, Engine, Slot, each_engine};

#[track_caller]
fn tries_later(slot: &Slot) -> TemporaryExit {
    let running = slot.run();
    assert_eq!(running.finish(), None, "{}", slot.stderr());
    running.temporary_exit().expect("a temporary exit")
}

/// Fills what is left of a filesystem, until the file is removed.
fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    for size in [1 << 20, 4_096, 1] {
        while std::io::Write::write(&mut file, &vec![1_u8; size]).is_ok() {}
    }
    path
}

#[test]
fn of_the_engine_while_an_image_is_built() {
    let Some(daemon) = Dockerd::start_with_room(64) else { return };
    let mut slot = daemon.slot("echo done > out.txt");
    let text = fs::read_to_string(slot.dir.join("Dockerfile")).unwrap()
        + "RUN [\"/bin/busybox\", \"dd\", \"if=/dev/zero\", \"of=/data\", \"bs=1M\", \"count=12\"]\n";
    slot.copy("Dockerfile", &text);
    let filler = daemon.data().join("filler");
    fs::write(&filler, vec![1_u8; 48 << 20]).unwrap();
    let exit = tries_later(&slot);
    assert!(exit.reason.text.contains("is almost full"), "{exit:?}");
    fs::remove_file(filler).unwrap();
    slot.run().assert_success();
}

#[test]
fn of_the_engine_while_a_container_is_made() {
    let Some(daemon) = Dockerd::start_with_room(24) else { return };
    daemon.slot("true").run().assert_success();
    let slot = daemon.slot("echo start >> starts");
    let filler = fill(&daemon.data());
    let exit = tries_later(&slot);
    assert!(exit.reason.text.to_lowercase().contains("no space left"), "{exit:?}");
    fs::remove_file(filler).unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\n");
}

#[test]
fn where_the_outputs_go() {
    each_engine(Engine::Docker, |engine| {
        let mut slot = Slot::with_script(
            engine,
            "echo start >> starts; busybox dd if=/dev/zero of=large bs=1M count=6 2>/dev/null; echo a > small",
        );
        let Some(project) = Mounted::over(&slot.project) else { return };
        slot.busybox();
        let (small, large) = (slot.link_output("small", 0), slot.link_output("large", 1));
        let exit = tries_later(&slot);
        assert!(exit.reason.text.contains("No space left"), "{exit:?}");
        assert!(project.mount("remount,size=16m"));
        slot.run().assert_success();
        assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\n");
        assert_eq!((fs::metadata(small).unwrap().len(), fs::metadata(large).unwrap().len()), (2, 6 << 20));
    });
}

/// A small filesystem over a directory, until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn over(directory: &Path) -> Option<Self> {
        let mounted = Self(directory.to_owned());
        if mounted.mount("size=6m") {
            return Some(mounted);
        }
        println!("nothing can be mounted here: left out");
        None
    }

    fn mount(&self, options: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.0);
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

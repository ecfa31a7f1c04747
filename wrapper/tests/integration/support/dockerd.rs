//! A Docker daemon of a test's own, which it may stop, kill and starve.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::engine::{Engine, Host};
use super::slot::{Slot, wait_until};

/// The daemon. It goes with everything in it when this is dropped.
pub struct Dockerd {
    dir: TempDir,
    process: Option<Child>,
}

impl Dockerd {
    /// Starts one; `None`, with a word, where that can't be: it needs root's rights.
    pub fn start() -> Option<Self> {
        let daemon = Self::prepare()?;
        Some(daemon.started())
    }

    /// One that has this many megabytes for its data.
    pub fn start_with_room(megabytes: u32) -> Option<Self> {
        let daemon = Self::prepare()?;
        let disk = daemon.dir.path().join("disk");
        File::create(&disk).unwrap().set_len(u64::from(megabytes) << 20).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&disk).status();
        let mount = || Command::new("mount").args(["-o", "loop"]).arg(&disk).arg(daemon.data()).status();
        if made.is_ok_and(|status| status.success()) && mount().is_ok_and(|status| status.success()) {
            return Some(daemon.started());
        }
        println!("no filesystem of its own can be had here: left out");
        None
    }

    fn prepare() -> Option<Self> {
        let wanted = std::env::var("BUOY_TEST_ENGINES")
            .map_or(true, |list| list.split([',', ' ']).any(|name| name == "docker"));
        let able = Command::new("unshare")
            .args(["--net", "dockerd", "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !wanted || !able || !rustix::process::geteuid().is_root() {
            println!("no Docker daemon of its own can be had here: left out");
            return None;
        }
        // A socket's path must be short.
        let dir = tempfile::Builder::new().prefix("buoy-d-").tempdir_in("/tmp").unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        Some(Self { dir, process: None })
    }

    fn started(mut self) -> Self {
        self.restart();
        self
    }

    /// Where its data lie.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    /// A slot whose wrapper uses this daemon.
    pub fn slot(&self, script: &str) -> Slot {
        let mut slot = Slot::with_script(Engine::Docker, script);
        slot.host = Host::Socket(self.socket());
        slot
    }

    /// Starts the daemon that is not running, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the daemon is running");
        let dir = self.dir.path();
        let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
        let option = |name: &str, file: &str| format!("--{name}={}", dir.join(file).display());
        // In a network namespace of its own: without a bridge it would remove that of a daemon that is already there.
        let child = Command::new("unshare")
            .args(["--net", "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"])
            .args([option("data-root", "data"), option("exec-root", "exec"), option("pidfile", "pid")])
            .arg(format!("--host=unix://{}", self.socket().display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
        let host = Host::Socket(self.socket());
        wait_until("the daemon of this test", || {
            let answer = host.command("docker").args(["version"]).output();
            answer.is_ok_and(|output| output.status.success())
        });
    }

    /// Stops it in order: it ends its containers first.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Kills it: its containers go on.
    pub fn kill(&mut self) {
        self.end("KILL");
        // Its containerd dies with it. Where nobody reaps that (a container without an init), the next daemon would take
        // the dead process for a living one that does not answer.
        let _ = fs::remove_file(self.dir.path().join("exec/containerd/containerd.pid"));
    }

    fn end(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else { return };
        let sent = Command::new("kill").args(["-s", signal, &process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the daemon can be ended");
        process.wait().unwrap();
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.stop();
        // What a killed daemon has left: its containerd, the shims and their containers.
        let own = self.dir.path().display().to_string();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&command).contains(&own) {
                let pid = entry.file_name();
                let _ = Command::new("kill").args(["-s", "KILL"]).arg(pid).stderr(Stdio::null()).status();
            }
        }
        unmount_below(self.dir.path());
    }
}

fn unmount_below(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = directory.display().to_string();
    for place in mounts.lines().rev().filter_map(|line| line.split(' ').nth(4)) {
        if place.starts_with(&own) {
            let _ = Command::new("umount").args(["--lazy", place]).stderr(Stdio::null()).status();
        }
    }
}

//! A Docker daemon of a test's own, which it may stop, kill and starve.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::engine::{Engine, Host, further_engine};
use super::plain_user::{NAME, PlainUser};
use super::slot::{Slot, wait_until};

/// The daemon. It goes with everything in it when this is dropped.
pub struct Dockerd {
    dir: TempDir,
    process: Option<Child>,
    kind: Kind,
}

/// Whose user numbers its containers have.
enum Kind {
    /// This host's.
    Plain,
    /// The same, and the tests' user may use it.
    OfUser,
    /// Those of a user's subordinate ids (`userns-remap`).
    Remapping,
    /// Those of an ordinary user who runs it (rootless).
    Rootless(PlainUser),
}

impl Dockerd {
    /// Starts one; `None`, with a word, where that can't be: it needs root's rights.
    pub fn start() -> Option<Self> {
        let daemon = Self::prepare(Kind::Plain)?;
        Some(daemon.started())
    }

    /// One that the tests' user may use.
    pub fn start_for_user() -> Option<Self> {
        if PlainUser::look_up().is_none() {
            println!("no user of the tests: left out");
            return None;
        }
        Some(Self::prepare(Kind::OfUser)?.started())
    }

    /// One that maps the users of its containers to subordinate ids of the tests' user, who may use it.
    pub fn start_remapping() -> Option<Self> {
        if PlainUser::look_up().is_none() {
            println!("no user of the tests: left out");
            return None;
        }
        Some(Self::prepare(Kind::Remapping)?.started())
    }

    /// One that the tests' user runs, without root's rights.
    pub fn start_rootless() -> Option<Self> {
        let installed = Command::new("rootlesskit").arg("--version").output();
        let (Some(user), true) =
            (PlainUser::look_up(), installed.is_ok_and(|output| output.status.success()))
        else {
            println!("no rootlesskit or no user of the tests: left out");
            return None;
        };
        let daemon = Self::prepare(Kind::Rootless(user.clone()))?;
        user.own(daemon.dir.path());
        Some(daemon.started())
    }

    /// One that has this many megabytes for its data.
    pub fn start_with_room(megabytes: u32) -> Option<Self> {
        let daemon = Self::prepare(Kind::Plain)?;
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

    fn prepare(kind: Kind) -> Option<Self> {
        let wanted = std::env::var("BUOY_TEST_ENGINES")
            .map_or(true, |list| list.split([',', ' ']).any(|name| name == "docker"));
        let able = Command::new("unshare")
            .args(["--net", "dockerd", "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        // Only the host's own daemon runs in a user's name.
        let rootless_of_others = matches!(kind, Kind::Rootless(_)) && further_engine().is_some();
        if rootless_of_others || !wanted || !able || !rustix::process::geteuid().is_root() {
            println!("no Docker daemon of its own can be had here: left out");
            return None;
        }
        // A socket's path must be short.
        let dir = tempfile::Builder::new().prefix("buoy-d-").tempdir_in("/tmp").unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        // Others reach the socket.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Some(Self { dir, process: None, kind })
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
        // An index of images is that of one engine: two daemons that share one would each find the other's images gone.
        slot.own_images();
        slot
    }

    /// The same for a wrapper that the tests' user runs.
    pub fn slot_of_user(&self, script: &str) -> Slot {
        let mut slot = self.slot(script);
        slot.host = Host::UserSocket(PlainUser::of_tests(), self.socket());
        slot
    }

    /// Starts the daemon that is not running, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the daemon is running");
        let dir = self.dir.path();
        let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
        let option = |name: &str, file: &str| format!("--{name}={}", dir.join(file).display());
        // In a network namespace of its own: without a bridge it would remove that of a daemon that is already there.
        let mut command = match &self.kind {
            Kind::Plain | Kind::OfUser | Kind::Remapping => {
                let mut command = Command::new("unshare");
                command.args(["--net", "dockerd"]);
                command
            }
            Kind::Rootless(user) => {
                let mut command = user.command("rootlesskit".as_ref());
                command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg(option("state-dir", "rootlesskit"));
                command.args(["--net=host", "--copy-up=/etc", "--copy-up=/run", "--propagation=rslave"]);
                // As dockerd-rootless.sh does: the copies lead to directories of root's daemon.
                let start =
                    "rm -f /run/docker /run/containerd /run/xtables.lock; exec dockerd --rootless \"$@\"";
                command.args(["sh", "-c", start, "sh"]);
                command
            }
        };
        if let Kind::Remapping = self.kind {
            command.arg(format!("--userns-remap={NAME}"));
        }
        if let Kind::OfUser | Kind::Remapping = self.kind {
            command.arg(format!("--group={NAME}"));
        }
        let child = command
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
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

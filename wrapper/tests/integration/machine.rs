//! Podman as on macOS: in a virtual machine, and reached through BOINC's `Run_Podman`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use boinc::wire::message::Control;
use tempfile::TempDir;
use wrapper::engine::RUN_PODMAN_VARIABLE;

use crate::support::{Engine, Running, Slot, each_engine, wait_until};

const RUN_PODMAN: &str = include_str!("../stand-ins/Run_Podman");
/// As BOINC's own on macOS.
const DATA: &str = "Library/Application Support/BOINC Data";

/// Appends a line about every 50 ms, 60 times, and counts its starts.
const TICKER: &str = "echo start >> starts\n\
    i=0; while [ $i -lt 60 ]; do echo $i >> ticks; busybox usleep 50000; i=$((i+1)); done";

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A computer with a machine that is running and shares `Library`; `podman` is the command that leads into it.
fn slot(engine: Engine, podman: &str, script: &str) -> Slot {
    let mut slot = Slot::with_script_in(DATA, engine, script);
    let root = slot.root.path().to_owned();
    let bin = root.join("bin");
    fs::create_dir(&bin).unwrap();
    let machine = root.join("machine.json");
    write_program(
        &bin.join("podman"),
        &format!(
            "#!/bin/sh\ncase \"$1 $2\" in 'machine inspect') exec cat {} ;; esac\nexec {podman} \"$@\"\n",
            machine.display()
        ),
    );
    write_program(&bin.join("Run_Podman"), RUN_PODMAN);
    slot.path = Some(format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()));
    slot.env.push((RUN_PODMAN_VARIABLE.into(), bin.join("Run_Podman").into()));
    slot.own_images = true;
    set_machine(&slot, "running", &root.join("Library"));
    slot
}

fn set_machine(slot: &Slot, state: &str, shared: &Path) {
    let root = slot.root.path();
    let inspected = format!(
        r#"[{{"ConfigDir":{{"Path":"{}"}},"LastUp":"2026-01-01T00:00:00Z","Name":"default","State":"{state}","Rootful":false}}]"#,
        root.display()
    );
    fs::write(root.join("machine.json"), inspected).unwrap();
    let mounts =
        format!(r#"{{"Mounts":[{{"Source":"{0}","Target":"{0}","Type":"virtiofs"}}]}}"#, shared.display());
    fs::write(root.join("default.json"), mounts).unwrap();
}

fn each_rootless(script: &str, test: impl FnOnce(Slot)) {
    each_engine(Engine::RootlessPodman, |engine| test(slot(engine, "/usr/bin/podman", script)));
}

fn ticks(slot: &Slot) -> usize {
    fs::read_to_string(slot.work("ticks")).map(|text| text.lines().count()).unwrap_or(0)
}

fn started(slot: &Slot) -> Running {
    let running = slot.start();
    wait_until(&format!("the first ticks; {}", slot.stderr()), || ticks(slot) > 2);
    running
}

#[track_caller]
fn assert_stands_still(slot: &Slot) {
    let before = ticks(slot);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(ticks(slot), before, "the job continues");
}

#[track_caller]
fn assert_ran_once(slot: &Slot) {
    let lines = |name: &str| fs::read_to_string(slot.dir.join(name)).unwrap().lines().count();
    assert_eq!((lines("starts"), lines("ticks")), (1, 60));
}

/// No script of a command is left.
#[track_caller]
fn assert_no_scripts(slot: &Slot) {
    assert_eq!(fs::read_dir(slot.project.join("buoy+state/commands")).unwrap().count(), 0);
}

#[test]
fn a_job_succeeds_whose_arguments_are_longer_than_the_programs_buffer() {
    let words: Vec<String> = (0..200).map(|number| format!("it's $HOME; `{number}` \"x\"")).collect();
    each_rootless("for a; do echo \"$a\"; done > args; busybox cat in.txt > out.txt", |mut slot| {
        slot.link_input("in.txt", b"hello\n");
        let output = slot.link_output("out.txt", 0);
        slot.copy("job.toml", "pass_args = \"both\"\n");
        slot.argument(&boinc::job::argv::encode(&words));
        slot.run().assert_success();
        assert_eq!(fs::read_to_string(output).unwrap(), "hello\n");
        assert_eq!(fs::read_to_string(slot.dir.join("args")).unwrap(), words.join("\n") + "\n");
        assert_eq!(slot.status(), None, "the container is removed");
        assert_no_scripts(&slot);
    });
}

#[test]
fn a_failure_is_the_jobs_although_the_program_always_succeeds() {
    each_rootless("echo no luck >&2; exit 3", |slot| {
        slot.run().assert_status(3);
        assert!(slot.stderr().contains("no luck"), "{}", slot.stderr());
    });
}

#[test]
fn suspend_and_resume() {
    each_rootless(TICKER, |slot| {
        let mut running = started(&slot);
        running.send(Control::Suspend);
        wait_until("the pause", || slot.is_frozen());
        assert_stands_still(&slot);
        running.send(Control::Resume);
        running.wait_for_exit();
        running.assert_success();
        assert_ran_once(&slot);
    });
}

/// Podman's service with storage of its own, in a PID namespace of its own: as in a virtual machine nothing of its containers is
/// seen here but files.
struct Machine {
    dir: TempDir,
    service: Child,
}

impl Machine {
    /// Starts one; `None`, with a word, where that cannot be: it needs root's rights.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("no PID namespace can be had here: left out");
            return None;
        }
        // A socket's path must be short.
        let dir = tempfile::Builder::new().prefix("buoy-m-").tempdir_in("/tmp").unwrap();
        let service = Self::service(dir.path());
        let machine = Self { dir, service };
        wait_until("Podman's service", || machine.socket().exists());
        Some(machine)
    }

    fn service(dir: &Path) -> Child {
        let option = |name: &str| format!("--{name}={}", dir.join(name).display());
        Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child", "--mount-proc", "podman"])
            .args([option("root"), option("runroot"), option("tmpdir")])
            .args(["system", "service", "--time=0"])
            .arg(format!("unix://{}", dir.join("sock").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    fn command(&self) -> String {
        format!("/usr/bin/podman --remote --url unix://{}", self.socket().display())
    }

    /// Kills all that runs in it, as when its computer loses power, and lets it start again.
    fn crash(&mut self) {
        self.kill();
        for volatile in ["runroot", "tmpdir", "sock"] {
            let path = self.dir.path().join(volatile);
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        self.service = Self::service(self.dir.path());
        wait_until("Podman's service", || self.socket().exists());
    }

    fn kill(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let below = self.dir.path().to_str().unwrap();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if mount.starts_with(below) {
                let _ = Command::new("umount").arg("--lazy").arg(mount).status();
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn with_machine(script: &str, test: impl FnOnce(&mut Machine, Slot)) {
    each_engine(Engine::Podman, |engine| {
        if let Some(mut machine) = Machine::start() {
            let slot = slot(engine, &machine.command(), script);
            test(&mut machine, slot);
        }
    });
}

/// Whether a process of this host has all of these words in its command line.
fn has_process(words: &[&str]) -> bool {
    let lines = fs::read_dir("/proc").unwrap().flatten();
    let lines = lines.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn in_a_machine_cpu_time_and_memory_are_the_engines_word() {
    let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; busybox sleep 4";
    with_machine(work, |_, slot| {
        let running = slot.run();
        running.assert_success();
        let status = running.last_status.clone().expect("a status");
        assert!(status.current_cpu_time > 0.05 && status.current_cpu_time < 100.0, "{status:?}");
        assert!(running.last_wss_bytes.is_some_and(|bytes| bytes > 10_000.0), "{status:?}");
    });
}

#[test]
fn in_a_machine_a_quit_pauses_and_the_next_start_continues() {
    with_machine(TICKER, |_, slot| {
        let mut running = started(&slot);
        running.send(Control::Quit);
        let asked = Instant::now();
        running.wait_for_exit();
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        // The command outlives the wrapper, which may have left before.
        wait_until("the pause", || slot_status(&slot) == "paused");
        assert_stands_still(&slot);
        let container = slot.container();
        wait_until("the end of what waits", || !has_process(&["wait", &container]));
        slot.run().assert_success();
        assert_ran_once(&slot);
        assert_eq!(slot_status(&slot), "");
    });
}

#[test]
fn in_a_machine_an_abort_removes_the_container_and_a_kill_leaves_no_command() {
    with_machine("busybox sleep 600", |_, slot| {
        let mut running = slot.start();
        let container = slot.container();
        wait_until("what waits for the end", || has_process(&["wait", &container]));
        running.kill();
        wait_until("the end of what waits", || !has_process(&["wait", &container]));
        assert_eq!(slot_status(&slot), "running");
        let mut running = slot.start();
        wait_until("what waits for the end", || has_process(&["wait", &container]));
        running.send(Control::Abort);
        running.wait_for_exit();
        wait_until("the removal", || slot_status(&slot).is_empty());
    });
}

#[test]
fn a_machine_that_crashes_ends_no_job() {
    let script = "echo start >> starts; [ $(busybox wc -l < starts) -gt 1 ] || busybox sleep 600";
    with_machine(script, |machine, slot| {
        let mut running = slot.start();
        wait_until(&format!("the start; {}", slot.stderr()), || slot.work("starts").exists());
        let container = slot.container();
        wait_until("what waits for the end", || has_process(&["wait", &container]));
        machine.crash();
        running.wait_for_exit();
        running.assert_success();
        assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap().lines().count(), 2);
    });
}

#[test]
fn a_job_that_needs_more_memory_than_the_machine_has_is_left_for_later() {
    with_machine("true", |_, mut slot| {
        slot.init_data.rsc_memory_bound = 1e15;
        let why = slot.run().temporary_exit().expect("a temporary exit").reason.text;
        assert!(
            why.contains("the virtual machine of podman has ") && why.contains("machine set --memory"),
            "{why}"
        );
        assert_eq!(slot_status(&slot), "");
    });
}

/// What the engine behind the slot's own `podman` says of its container; empty if there is none.
fn slot_status(slot: &Slot) -> String {
    let output = Command::new(slot.root.path().join("bin/podman"))
        .args(["container", "inspect", "--format", "{{.State.Status}}", &slot.container()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_machine_that_does_not_run_is_a_temporary_exit_that_says_so() {
    each_rootless("true", |slot| {
        set_machine(&slot, "stopped", &slot.root.path().join("Library"));
        let why = slot.run().temporary_exit().expect("a temporary exit").reason.text;
        assert!(
            why.contains("machine default is not running (state: stopped); restart the BOINC client"),
            "{why}"
        );
    });
}

#[test]
fn a_data_directory_that_the_machine_does_not_share_is_refused_before_anything_is_made() {
    each_rootless("true", |slot| {
        set_machine(&slot, "running", Path::new("/Library"));
        let why = slot.run().temporary_exit().expect("a temporary exit").reason.text;
        assert!(why.contains("does not share") && why.contains("(shared: /Library)"), "{why}");
        assert!(!slot.dir.join("buoy").exists());
    });
}

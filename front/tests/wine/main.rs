//! The real buoy-wrapper.exe under Wine, with the real agent and real engines. `PLATFORMS=all ./x test` runs these tests.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails, and says where")]

mod host;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host::{DISTRO, Host, Relay, tools, wine};

/// A job that counts its starts, and goes on until it may end.
const WAITING: &str = "echo start >> starts\nwhile [ ! -e go ]; do sleep 0.1; done\necho done > out.txt";

fn each_engine(test: impl Fn(&Path, &'static str)) {
    let Some(tools) = tools() else { return };
    let wanted = std::env::var("BUOY_TEST_ENGINES").unwrap_or_else(|_| "docker podman".to_owned());
    for engine in ["docker", "podman"] {
        if wanted.split(' ').any(|name| name == engine) {
            println!("{engine}:");
            test(&tools, engine);
        }
    }
}

fn run_on(host: &Host) {
    fs::write(host.work_file("go"), "").unwrap();
}

#[test]
fn arguments_and_bytes_pass_through_wsl() {
    let Some(tools) = tools() else { return };
    let relay = Relay::start(&tools, 0, &[DISTRO]);
    let words = ["", "a b", "\"", "\\\"x\\\\", "日本語", "$HOME `id` 'x'", "*", "--exec"];
    let mut child = wine(&tools, "wsl.exe")
        .args(["-d", DISTRO, "--cd", "Z:\\tmp", "--exec", "/bin/sh", "-c"])
        .arg("pwd; printf '%s\\n' \"$@\"; cat; exit 7")
        .arg("sh")
        .args(words)
        .env("BUOY_TEST_WSL_PORT", relay.port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut expected = format!("/tmp\n{}\n", words.join("\n")).into_bytes();
    expected.extend(&bytes);
    assert_eq!(output.status.code(), Some(7));
    assert!(output.stdout == expected, "{} bytes", output.stdout.len());
}

#[test]
fn a_job_runs_and_its_end_reaches_the_client() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, "echo output > out.txt\necho hello from the job");
        host.start();
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0), "{}", host.log());
        assert_eq!(fs::read_to_string(host.slot_file("out.txt")).unwrap(), "output\n");
        let log = host.log();
        assert!(log.contains("answers in") && log.contains("hello from the job"), "{log}");
        assert_eq!(host.container_state(), None);
    });
}

#[test]
fn a_job_that_fails_and_one_that_is_refused() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, "exit 3");
        host.start();
        host.exit_status();
        assert_ne!(host.finish().map(|finish| finish.exit_status), Some(0), "{}", host.log());
        let mut host = Host::new(tools, engine, "true");
        host.file("job.toml", "create_args = \"--privileged\"\n");
        host.start();
        host.exit_status();
        let finish = host.finish().unwrap();
        assert_ne!(finish.exit_status, 0);
        assert!(host.log().contains("create_args"), "{}", host.log());
    });
}

#[test]
fn suspend_resume_quit_and_a_second_life() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, WAITING);
        host.start();
        host.wait_for_container("running");
        host.wait_until("the job's start", || host.work("starts").is_some());
        host.request("suspend");
        host.wait_for_container("paused");
        host.request("resume");
        host.wait_for_container("running");
        host.request("quit");
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!((host.finish(), host.later()), (None, None));
        host.wait_for_container("paused");
        // It has no parent among the front's processes, and keeps the distro running until the container is gone.
        let container = host.container_name().unwrap();
        host.wait_until("one keeper", || keepers(&container).len() == 1);
        host.start();
        host.wait_for_container("running");
        run_on(&host);
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0));
        assert_eq!(fs::read_to_string(host.slot_file("out.txt")).unwrap(), "done\n");
        host.wait_until("the keeper's end", || keepers(&container).is_empty());
    });
}

/// As a reboot of the virtual machine or a restart of the engine leaves it.
#[test]
fn a_container_that_is_killed_is_started_again_over_the_same_files() {
    each_engine(|tools, engine| {
        let mut host = Host::new(
            tools,
            engine,
            "if [ -e checkpoint ]; then echo resumed > out.txt; exit 0; fi\n\
             echo 1 > checkpoint\nwhile true; do sleep 0.1; done",
        );
        host.start();
        host.wait_for_container("running");
        host.wait_until("its checkpoint", || host.work("checkpoint").is_some());
        host.kill_container();
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0), "{}", host.log());
        assert_eq!(fs::read_to_string(host.slot_file("out.txt")).unwrap(), "resumed\n");
    });
}

#[test]
fn an_abort_leaves_nothing() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, WAITING);
        host.start();
        host.wait_for_container("running");
        host.request("abort");
        assert_eq!(host.exit_status(), 194, "{}", host.log());
        host.wait_until("the container's removal", || host.container_state().is_none());
    });
}

#[test]
fn an_agent_that_is_killed_is_followed_by_one_that_finds_the_job_running() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, WAITING);
        host.start();
        let agent = host.relay.started();
        host.wait_for_container("running");
        host.wait_until("the job's start", || host.work("starts").is_some());
        assert!(Command::new("kill").args(["-9", &agent.to_string()]).status().unwrap().success());
        assert_ne!(host.relay.started(), agent);
        run_on(&host);
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(
            host.work("starts").or_else(|| fs::read_to_string(host.slot_file("starts")).ok()).unwrap(),
            "start\n"
        );
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0));
    });
}

#[test]
fn wsl_that_is_killed_is_started_again() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, WAITING);
        host.start();
        host.relay.started();
        host.wait_for_container("running");
        // Each wsl.exe of this prefix is a process of this system; the one of this job knows the slot.
        let slot = host.slot_file("").to_str().unwrap().trim_end_matches('/').replace('/', "\\");
        let of_this_job =
            |line: &str| line.contains("wsl.exe") && line.contains("--agent") && line.contains(&slot);
        let killed: Vec<_> = processes().into_iter().filter(|(_, line)| of_this_job(line)).collect();
        assert!(!killed.is_empty(), "no wsl.exe with {slot}");
        for (pid, _) in killed {
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        }
        host.relay.started();
        run_on(&host);
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0));
    });
}

#[test]
fn a_virtual_machine_that_goes_away_comes_back() {
    each_engine(|tools, engine| {
        let mut host = Host::new(tools, engine, WAITING);
        host.start();
        let agent = host.relay.started();
        host.wait_for_container("running");
        let port = host.relay.port;
        host.relay.stop();
        let _ = Command::new("kill").args(["-9", &agent.to_string()]).status();
        host.relay = Relay::start(tools, port, &[DISTRO]);
        host.relay.started();
        host.wait_for_container("running");
        run_on(&host);
        assert_eq!(host.exit_status(), 0, "{}", host.log());
        assert_eq!(host.finish().map(|finish| finish.exit_status), Some(0));
    });
}

#[test]
fn a_distro_that_was_removed_is_a_temporary_exit_that_says_so() {
    let Some(tools) = tools() else { return };
    let mut host = Host::new(&tools, "docker", "true");
    host.relay = Relay::start(&tools, 0, &["Debian"]);
    host.start();
    assert_eq!(host.exit_status(), 0, "{}", host.log());
    let reason = host.later().unwrap().reason.text;
    assert!(
        reason.contains("the WSL distro is gone") && reason.contains("WSL_E_DISTRO_NOT_FOUND"),
        "{reason}"
    );
    host.init_data.host_info.wsl_distros.clear();
    host.start();
    assert_eq!(host.exit_status(), 0, "{}", host.log());
    let reason = host.later().unwrap().reason.text;
    assert!(reason.contains("BOINC"), "{reason}");
}

/// A measurement: run with `--run-ignored all --no-capture`.
#[test]
#[ignore = "measures"]
fn time_from_a_jobs_end_to_the_finish_file() {
    each_engine(|tools, engine| {
        let mut times = Vec::new();
        for _ in 0..20 {
            let mut host = Host::new(tools, engine, WAITING);
            host.start();
            host.wait_for_container("running");
            host.wait_until("the job's start", || host.work("starts").is_some());
            std::thread::sleep(Duration::from_millis(300));
            run_on(&host);
            let out = host.work_file("out.txt");
            host.wait_until("the job's last line", || out.exists() || host.finish().is_some());
            let start = Instant::now();
            host.wait_until("the finish file", || host.slot_file("boinc_finish_called").exists());
            times.push(start.elapsed());
            host.exit_status();
        }
        times.sort();
        println!("{engine}: from the job's last line to the finish file: {times:?}");
    });
}

/// The keepers of a container on this system, not what Wine shows of them.
fn keepers(container: &str) -> Vec<String> {
    let is_keeper = |line: &str| line.contains(" --agent --keep ") && line.contains(container);
    let found = processes().into_iter().filter(|(_, line)| is_keeper(line) && !line.contains(".exe"));
    found.map(|(pid, _)| pid).collect()
}

/// Process ids and command lines of this system.
fn processes() -> Vec<(String, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let process = |entry: fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some((entry.file_name().to_str()?.to_owned(), String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    entries.filter_map(process).filter(|(pid, _)| pid.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

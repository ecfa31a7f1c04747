//! The front with agents that fail in every way. What it does with real ones is tested in `wrapper/tests/integration`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails, and says where")]

mod bench;

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use boinc::frames::{FromAgent, Hello, Keep, to_bytes};
use boinc::hex::hex;
use boinc::wire::finish::{Finish, Message, TemporaryExit};
use boinc::wire::init_data::InitData;
use boinc::wire::message::{AppStatus, Control};
use sha2::{Digest, Sha256};

use bench::Bench;

/// Says hello, and waits until the task has come.
const GREETED: &str = "cat hello; head -c 5 > begun; touch greeted";

fn finished(exit_status: i32) -> [FromAgent; 2] {
    let message = Some(Message { text: "no ligand".to_owned(), notice: false });
    [FromAgent::Finish(Finish { exit_status, message }), FromAgent::Bye { exit_status }]
}

#[test]
fn what_the_agent_reports_reaches_the_client() {
    let bench = Bench::new();
    let status = |seconds| AppStatus { current_cpu_time: seconds, ..AppStatus::default() };
    let [finish, bye] = finished(3);
    let frames =
        [FromAgent::Status(status(1.0).render()), FromAgent::Status(status(2.0).render()), finish, bye];
    bench.frames("end", &frames);
    let ended = bench.run(&format!("{GREETED}; cat end"));
    let message = ended.finish.unwrap().message.unwrap();
    assert_eq!((ended.status, ended.starts, message.text.as_str()), (3, 1, "no ligand"));
    assert_eq!(bench.client.take_status(), Some(Ok(status(2.0))), "the last one");
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
}

#[test]
fn a_host_that_cannot_is_told_to_the_client() {
    let bench = Bench::new();
    let reason = Message { text: "no engine".to_owned(), notice: true };
    let later = FromAgent::Later(TemporaryExit { delay_seconds: 60, reason });
    bench.frames("end", &[later, FromAgent::Bye { exit_status: 0 }]);
    bench.run(&format!("{GREETED}; cat end")).assert_later("no engine");
}

#[test]
fn an_agent_that_ends_is_followed_by_another() {
    let bench = Bench::new();
    bench.frames("end", &finished(0));
    let ended = bench.run(&format!("{GREETED}; [ $(wc -l < starts) = 3 ] || kill -9 $$; cat end"));
    assert_eq!((ended.status, ended.starts, ended.later), (0, 3, None));
    assert_eq!(ended.finish.unwrap().exit_status, 0);
}

#[test]
fn an_agent_that_ends_at_once_each_time_is_given_up() {
    let mut bench = Bench::new();
    bench.times.pauses = [50, 100].map(Duration::from_millis).into();
    let ended = bench.run("cat hello; echo broken >&2; exit 3");
    ended.assert_later("given up after 3 attempts: the agent ended without a word; restart it");
    assert_eq!(ended.starts, 3);
    assert!(ended.took >= Duration::from_millis(150), "{:?}", ended.took);
    let ended = Bench::new().run("echo broken >&2; exit 3");
    ended.assert_later("given up after 5 attempts: the agent ended with status 3: broken; restart it");
    assert_eq!(ended.starts, 5);
    // What it has written arrives after its end.
    let ended = Bench::new().run("exec > /dev/null; { sleep 0.1; echo broken >&2; } & exit 3");
    ended.assert_later("given up after 5 attempts: the agent ended with status 3: broken; restart it");
}

#[test]
fn failures_of_long_ago_do_not_count() {
    let mut bench = Bench::new();
    bench.times.pauses = vec![Duration::ZERO];
    bench.times.stable = Duration::from_millis(200);
    bench.frames("end", &finished(0));
    let ended = bench.run(&format!("{GREETED}; sleep 0.3; [ $(wc -l < starts) = 4 ] || exit; cat end"));
    assert_eq!((ended.status, ended.starts, ended.later), (0, 4, None));
}

#[test]
fn a_frame_that_is_cut_ends_the_session_and_is_named() {
    let bench = Bench::new();
    let [finish, _] = finished(0);
    let bytes = to_bytes(&finish).unwrap();
    bench.file("cut", &bytes[..20]);
    let ended = bench.run(&format!("{GREETED}; cat cut"));
    ended.assert_later(&format!("frame of kind 4 is cut: 20 of {} bytes were read", bytes.len()));
}

#[test]
fn what_is_no_frame_is_never_believed() {
    let bench = Bench::new();
    let ended = bench.run(&format!("{GREETED}; echo boinc_finish_called 0"));
    ended.assert_later("read \"boinc\"");
    // Text of what stands in between is for the volunteer's eyes only, and decides nothing but whether to try again.
    let ended = Bench::new().run("echo; echo 'there is no such distribution'; exit 255");
    ended.assert_later("the agent ended with status 255: there is no such distribution");
    assert_eq!(ended.starts, 1, "a final error is not tried again");
}

#[test]
fn messages_out_of_turn_end_the_session() {
    let bench = Bench::new();
    bench.frames("end", &finished(0));
    bench.run("cat end").assert_later("the agent");
    bench.frames("twice", &[FromAgent::Hello(bench.hello())]);
    let ended = bench.run(&format!("{GREETED}; cat twice"));
    ended.assert_later("said twice who it is");
}

#[test]
fn an_agent_of_another_version_gets_no_task() {
    let bench = Bench::new();
    bench.frames("other", &[FromAgent::Hello(Hello { version: "0.0.9".to_owned(), ..bench.hello() })]);
    let ended = bench.run("cat other; head -c 5 > begun");
    ended.assert_later("and its agent is version 0.0.9");
    assert_eq!((ended.starts, bench.read("begun").as_str()), (1, ""));
}

#[test]
fn an_agent_in_another_directory_gets_no_task() {
    let bench = Bench::new();
    let hello = Hello { directory: "/root".to_owned(), init_data_sha256: String::new(), ..bench.hello() };
    bench.frames("other", &[FromAgent::Hello(hello)]);
    let ended = bench.run("cat other; head -c 5 > begun; sleep 0.1");
    ended.assert_later("the agent");
    assert_eq!((ended.starts, bench.read("begun").as_str()), (5, ""));
}

/// As it does when its preferences have changed, while a task runs.
#[test]
fn a_client_may_write_its_data_anew_between_two_agents() {
    let bench = Bench::new();
    let new = InitData { no_priority_change: true, ..InitData::default() };
    bench.file("new", new.render());
    let hello = Hello { init_data_sha256: hex(&Sha256::digest(new.render())), ..bench.hello() };
    bench.frames("second", &[FromAgent::Hello(hello)]).frames("end", &finished(0));
    let ended = bench.run(&format!(
        "if [ $(wc -l < starts) = 1 ]; then {GREETED}; cp new slot/init_data.xml; else cat second end; fi"
    ));
    assert_eq!((ended.status, ended.starts, ended.later), (0, 2, None));
}

#[test]
fn a_slot_that_another_program_holds_is_tried_again_later() {
    let mut bench = Bench::new();
    bench.times.lock = Duration::from_millis(200);
    // A directory in its place fails as a lock does that the system refuses.
    fs::create_dir(bench.slot.join("boinc_lockfile")).unwrap();
    let ended = bench.run("touch begun");
    ended.assert_later("boinc_lockfile");
    assert_eq!((ended.starts, ended.later.unwrap().delay_seconds), (0, 600));
}

#[test]
fn a_system_with_too_little_memory_gets_no_task() {
    let bench = Bench::with_init_data(InitData { rsc_memory_bound: 12e9, ..InitData::default() });
    let ended = bench.run("cat hello; head -c 5 > begun");
    ended.assert_later(
        "the task may use 12.0 GB of memory, and the system that it would run in has 8.6 GB; give it more",
    );
    assert_eq!((ended.starts, bench.read("begun").as_str()), (1, ""));
}

#[test]
fn an_agent_that_does_not_answer_is_given_up() {
    let mut bench = Bench::new();
    bench.times.silence = Duration::from_millis(250);
    bench.times.end = Duration::ZERO;
    let ended = bench.run("exec sleep 100");
    ended.assert_later("given up after 5 attempts: the agent was killed; restart it");
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    // Also one that stops to answer in the middle.
    let ended = bench.run(&format!("{GREETED}; exec sleep 100"));
    ended.assert_later("the agent has not answered for 0 s");
}

#[test]
fn pings_keep_a_quiet_session_alive() {
    let mut bench = Bench::new();
    bench.times.silence = Duration::from_millis(600);
    bench.times.ping = Duration::from_millis(1);
    bench.frames("pong", &[FromAgent::Pong]).frames("end", &finished(0));
    // Begin is 5 bytes and its payload; each ping has 5.
    let script =
        "cat hello; head -c 60 > begun; for i in 1 2 3 4 5 6 7 8; do head -c 5; cat pong; done >&3; cat end";
    let ended = bench.run(&format!("exec 3>&1; {script}").replace("head -c 5;", "head -c 5 > /dev/null;"));
    assert_eq!((ended.status, ended.starts, ended.later), (0, 1, None));
    assert!(ended.took > Duration::from_millis(700), "{:?}", ended.took);
}

#[test]
fn the_front_answers_what_the_agent_does_not() {
    for (control, status, at_least) in [(Control::Quit, 0, 600), (Control::Abort, 194, 900)] {
        let mut bench = Bench::new();
        bench.times.end = Duration::from_millis(50);
        let client = thread::spawn(bench.request_after("greeted", control));
        let ended = bench.run(&format!("{GREETED}; cat > rest; sleep 0.3; touch paused"));
        client.join().unwrap();
        assert_eq!((ended.status, ended.starts), (status, 1));
        assert_eq!((ended.finish, ended.later), (None, None));
        bench.await_file("paused");
        assert!(ended.took >= Duration::from_millis(at_least), "{:?}", ended.took);
        assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    }
}

fn container() -> FromAgent {
    FromAgent::Keep(Keep { engine: "podman".to_owned(), container: "boinc__p__r".to_owned(), seconds: 60 })
}

#[test]
fn a_quit_with_a_container_starts_a_keeper() {
    // The agent obeys; it does not answer; it has died, and the front waits before the next one.
    for end in ["cat bye", "touch said; exec sleep 5", "touch said; exit 1"] {
        let mut bench = Bench::new();
        bench.times.pauses = vec![Duration::from_secs(100)];
        bench.times.end = Duration::from_millis(50);
        bench.frames("container", &[container()]).frames("bye", &[FromAgent::Bye { exit_status: 0 }]);
        let client = thread::spawn(bench.request_after("said", Control::Quit));
        let ended = bench.run(&format!("{GREETED}; cat container; touch said; sleep 0.5; {end}"));
        client.join().unwrap();
        assert_eq!((ended.status, ended.starts, ended.later), (0, 1, None));
        bench.await_file("kept");
        let kept = || bench.read("kept");
        while kept().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(
            kept(),
            "podman boinc__p__r 60
"
        );
    }
}

#[test]
fn an_end_or_an_abort_starts_no_keeper() {
    let bench = Bench::new();
    bench.frames("end", &[&[container()][..], &finished(0)].concat());
    assert_eq!(bench.run(&format!("{GREETED}; cat end")).status, 0);
    let mut aborted = Bench::new();
    aborted.times.end = Duration::from_millis(50);
    aborted.frames("container", &[container()]);
    let client = thread::spawn(aborted.request_after("said", Control::Abort));
    let ended = aborted.run(&format!("{GREETED}; cat container; touch said; exec sleep 5"));
    client.join().unwrap();
    assert_eq!(ended.status, 194);
    // A quit before there is a container.
    let quit = Bench::new();
    let client = thread::spawn(quit.request_after("greeted", Control::Quit));
    quit.frames("bye", &[FromAgent::Bye { exit_status: 0 }]);
    assert_eq!(quit.run(&format!("{GREETED}; sleep 0.5; cat bye")).status, 0);
    client.join().unwrap();
    for bench in [bench, aborted, quit] {
        assert!(!bench.path("kept").exists());
    }
}

#[test]
fn an_agent_that_reads_nothing_stops_neither_quit_nor_reports() {
    let mut bench = Bench::new();
    // With what stands around it more than a pipe holds.
    bench.arguments = vec![OsString::from("x".repeat(65_480))];
    bench.times.end = Duration::from_millis(50);
    bench.frames("status", &[FromAgent::Status(AppStatus::default().render())]);
    let client = thread::spawn(bench.request_after("said", Control::Quit));
    let ended = bench.run("cat hello status; sleep 0.3; cat status; touch said; exec sleep 5");
    client.join().unwrap();
    assert_eq!((ended.status, ended.starts, ended.later), (0, 1, None));
    assert!(bench.client.take_status().is_some());
}

#[test]
fn a_quit_ends_the_pause_before_the_next_agent() {
    let mut bench = Bench::new();
    bench.times.pauses = vec![Duration::from_secs(100)];
    let client = thread::spawn(bench.request_after("starts", Control::Quit));
    let ended = bench.run("cat hello");
    client.join().unwrap();
    assert_eq!((ended.status, ended.starts, ended.later), (0, 1, None));
}

#[test]
fn a_new_agent_learns_that_the_job_is_suspended() {
    let bench = Bench::new();
    bench.frames("end", &finished(0));
    let client = thread::spawn(bench.request_after("read.1", Control::Suspend));
    let script = "n=$(wc -l < starts); cat hello; { head -c 5; touch read.$n; timeout 0.5 cat; } > begun.$n; \
                  [ $n = 2 ] && cat end";
    let ended = bench.run(script);
    client.join().unwrap();
    assert_eq!((ended.status, ended.starts), (0, 2));
    assert!(bench.read("begun.1").contains("\"requests\":\"\""), "{}", bench.read("begun.1"));
    assert!(bench.read("begun.2").contains("\"requests\":\"<suspend/>\""), "{}", bench.read("begun.2"));
}

#[test]
fn an_agent_that_dies_after_the_tasks_end_changes_nothing() {
    let bench = Bench::new();
    let [finish, _] = finished(7);
    bench.frames("end", &[finish]);
    let ended = bench.run(&format!("{GREETED}; cat end; kill -9 $$"));
    assert_eq!((ended.status, ended.starts, ended.later), (7, 1, None));
    assert_eq!(ended.finish.unwrap().exit_status, 7);
}

#[test]
fn a_client_that_is_gone_is_a_quit() {
    let mut client = Command::new("sleep").arg("60").spawn().unwrap();
    let client_pid = Some(client.id().cast_signed());
    let bench = Bench::with_init_data(InitData { client_pid, ..InitData::default() });
    client.kill().unwrap();
    client.wait().unwrap();
    let ended = bench.run(&format!("{GREETED}; cat > rest; touch left"));
    assert_eq!((ended.status, ended.starts, ended.later), (0, 1, None));
    assert!(bench.read("rest").contains("<quit/>"), "{}", bench.read("rest"));
}

#[test]
fn arguments_that_fit_in_no_frame_are_refused() {
    let mut bench = Bench::new();
    bench.arguments = vec![OsString::from("x".repeat(70_000))];
    let ended = bench.run("cat hello; cat > begun");
    let message = ended.finish.unwrap().message.unwrap().text;
    assert_eq!((ended.status, ended.starts), (206, 1));
    assert!(message.contains("does not fit in a frame of 65536; use --argv-file=NAME"), "{message}");
}

#[test]
fn a_command_that_cannot_be_started_and_a_slot_without_init_data_are_tried_later() {
    let bench = Bench::new();
    fs::remove_file(bench.slot.join("init_data.xml")).unwrap();
    bench.run_without_hello("true").assert_later("failed to read");
    let bench = Bench::new();
    let output = Command::new(env!("CARGO_BIN_EXE_buoy-front")).current_dir(&bench.slot).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let later = TemporaryExit::read(&bench.slot).unwrap().unwrap();
    assert!(later.reason.text.contains("buoy-front is for Windows"), "{later:?}");
}

/// The program itself, whose stderr.txt and memory must stay small.
#[test]
fn a_gigabyte_of_log_fills_neither_the_disk_nor_the_memory() {
    let bench = Bench::new();
    let log: Vec<FromAgent> = FromAgent::log(&vec![b'x'; 16 << 20]).collect();
    bench.frames("hello", &[FromAgent::Hello(bench.hello())]).frames("log", &log).frames("end", &finished(0));
    let files = bench.path("").display().to_string();
    let agent = bench.path("agent");
    let script = format!("#!/bin/sh\ncd {files}; {GREETED}; for i in $(seq 64); do cat log; done; cat end\n");
    fs::write(&agent, script).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let stderr = File::create(bench.path("stderr.txt")).unwrap();
    let mut front = Command::new(env!("CARGO_BIN_EXE_buoy-front"))
        .env("BUOY_FRONT_AGENT", &agent)
        .current_dir(&bench.slot)
        .stderr(stderr)
        .spawn()
        .unwrap();
    let (deadline, mut peak_kb) = (Instant::now() + Duration::from_secs(60), 0);
    let status = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", front.id())).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_kb = peak.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0).max(peak_kb);
        if let Some(status) = front.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "the front is still there after a minute");
        thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
    assert_eq!(Finish::read(&bench.slot).unwrap().unwrap().exit_status, 0);
    let said = fs::read_to_string(bench.path("stderr.txt")).unwrap();
    assert!(said.len() < 2 << 20, "{}", said.len());
    assert!(said.ends_with("bytes of the agent's log were too many and are not shown\n"));
    assert!(peak_kb > 0 && peak_kb < 64 << 10, "{peak_kb} kB");
}

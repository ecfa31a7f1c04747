use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use boinc::platform::set_mode;

use super::*;
use crate::engine::command::Keep;

const STAND_IN: &str = include_str!("../../../../tests/stand-ins/Run_Podman");

/// The stand-in and its scripts, in directories whose names have spaces and quotes.
struct Place {
    dir: tempfile::TempDir,
    transport: RunPodman,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("it's BOINC $HOME ").tempdir().unwrap();
        let program = dir.path().join("Run_Podman");
        fs::write(&program, STAND_IN).unwrap();
        set_mode(&program, 0o755).unwrap();
        let transport = RunPodman::new(program, dir.path()).unwrap();
        Self { dir, transport }
    }

    fn run(&self, invocation: &Invocation) -> Captured {
        self.transport.run(invocation, &Cancel::default()).unwrap()
    }

    fn scripts(&self) -> usize {
        fs::read_dir(self.dir.path().join("commands")).unwrap().count()
    }
}

fn sh(script: &str) -> Invocation {
    Invocation::new("/bin/sh").args(["-c", script]).timeout(Duration::from_secs(30))
}

/// Whether the process whose number is in the file still runs.
fn runs(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn status_output_and_environment_come_through() {
    let place = Place::new();
    let mut command = sh("echo \"$SECRET\"; echo no >&2; exit 3");
    command.env.push(("SECRET".into(), "it's $HOME; `x`".into()));
    let captured = place.run(&command);
    assert_eq!(captured.status, 3);
    assert_eq!(captured.stdout, b"it's $HOME; `x`\n");
    assert_eq!(captured.stderr, b"no\n");
    assert_eq!(place.run(&sh("kill -9 $$")).status, -1);
    assert_eq!(place.run(&sh("kill -9 $$").surviving()).status, -1);
    assert_eq!(place.scripts(), 0);
}

#[test]
fn arguments_of_any_length_and_kind_arrive_as_they_are() {
    let place = Place::new();
    let long = "x y' \" \\ $(id)\n".repeat(5_000);
    let command = Invocation::new("/usr/bin/printf").args(["%s|%s|%s", &long, "", "*"]);
    // One that survives has another script.
    for command in [command.clone(), command.surviving()] {
        let captured = place.run(&command);
        assert_eq!(captured.status, 0, "{}", String::from_utf8_lossy(&captured.stderr));
        assert!(captured.stdout == format!("{long}||*").into_bytes());
    }
}

#[test]
fn input_comes_through_and_half_of_it_is_never_taken_for_a_whole() {
    let place = Place::new();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let pieces = sent.clone();
    let input: Producer<'_> =
        Box::new(move |out| pieces.chunks(70_001).try_for_each(|piece| out.write_all(piece)));
    let cat = sh("cat").keep(Keep::Head(4 << 20));
    let captured = place.transport.stream(&cat, Some(input), None, &Cancel::default()).unwrap();
    assert!(captured.stdout == sent);

    let mark = place.dir.path().join("mark");
    let command = sh("cat >/dev/null; touch \"$1\"").arg("sh").arg(&mark);
    let input: Producer<'_> = Box::new(|out| {
        out.write_all(b"half")?;
        Err(io::Error::other("the other half is missing"))
    });
    let error = place.transport.stream(&command, Some(input), None, &Cancel::default()).unwrap_err();
    assert!(matches!(error, TransportError::Input { .. }), "{error}");
    thread::sleep(Duration::from_millis(100));
    assert!(!mark.exists());
}

#[test]
fn a_consumer_that_has_enough_ends_the_command_without_an_error() {
    let place = Place::new();
    let pid = place.dir.path().join("pid");
    let mut read = 0;
    let mut take = |piece: &[u8]| {
        read += piece.len();
        if read > 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let yes = sh("echo $$ > \"$1\"; exec yes").arg("sh").arg(&pid);
    let captured = place.transport.stream(&yes, None, Some(&mut take), &Cancel::default()).unwrap();
    assert_eq!(captured.status, 0);
    wait_until("the end of yes", || !runs(&pid));
}

#[test]
fn cancellation_and_time_out_end_the_command_in_its_other_process_group() {
    let place = Place::new();
    let pid = place.dir.path().join("pid");
    let sleep = sh("echo $$ > \"$1\"; exec sleep 60").arg("sh").arg(&pid);
    let cancel = Cancel::default();
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the command", || pid.exists());
            cancel.cancel();
        });
        place.transport.run(&sleep, &cancel).unwrap_err()
    });
    assert!(matches!(error, TransportError::Cancelled), "{error}");
    wait_until("the end of sleep", || !runs(&pid));
    let error = place.transport.run(&sleep.timeout(Duration::from_secs(1)), &Cancel::default()).unwrap_err();
    let TransportError::TimedOut { command, .. } = &error else { panic!("{error}") };
    assert!(command.starts_with("/bin/sh -c "), "the error names the engine's command: {command}");
    wait_until("the end of sleep", || !runs(&pid));
}

#[test]
fn a_command_that_survives_goes_on_when_nobody_waits_for_it() {
    let place = Place::new();
    let (pid, mark) = (place.dir.path().join("pid"), place.dir.path().join("mark"));
    let command = sh("echo $$ > \"$1\"; sleep 1; touch \"$2\"").arg("sh").arg(&pid).arg(&mark).surviving();
    let cancel = Cancel::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the command", || pid.exists());
            cancel.cancel();
        });
        assert!(place.transport.run(&command, &cancel).is_err());
    });
    assert!(!mark.exists());
    wait_until("its end", || mark.exists());
}

#[test]
fn a_command_ends_with_the_wrapper_that_waits_for_it() {
    let place = Place::new();
    let pid = place.dir.path().join("pid");
    let script = Script::write(
        &place.dir.path().join("commands"),
        &sh("echo $$ > \"$1\"; exec sleep 60").arg("sh").arg(&pid),
        true,
    )
    .unwrap();
    // Of a killed wrapper nothing is left but the end of its pipe. As another /bin/sh the one of macOS is tried.
    for shell in ["sh", "bash"] {
        let mut child = std::process::Command::new(shell)
            .arg(script.path())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the command", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!runs(&pid), "{shell}");
        assert_eq!(script.status(), Some(137), "{shell}");
        fs::remove_file(&pid).unwrap();
        fs::remove_file(script.path().with_file_name("status")).unwrap();
    }
}

#[test]
fn a_program_that_runs_nothing_is_noticed() {
    let mut place = Place::new();
    place.transport.program = "/bin/true".into();
    let captured = place.run(&sh("exit 0"));
    assert_eq!(captured.status, -1);
    let said = String::from_utf8_lossy(&captured.stderr);
    assert!(said.contains("/bin/true ended without an exit status of /bin/sh -c 'exit 0'"), "{said}");
}

#[test]
fn a_path_that_the_program_would_cut_is_refused() {
    let place = Place::new();
    let deep = place.dir.path().join("x".repeat(200)).join("y".repeat(200));
    let state = (0..8).fold(deep, |path, _| path.join("z".repeat(200)));
    fs::create_dir_all(&state).unwrap();
    let transport = RunPodman::new("/bin/true".into(), &state).unwrap();
    let error = transport.run(&sh("exit 0"), &Cancel::default()).unwrap_err();
    let TransportError::Start { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("is too long for /bin/true"), "{source}");
}

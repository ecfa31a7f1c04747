//! The engine's program as a child process on this host.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::command::{Invocation, Keep};
use super::feed::Feed;
use super::{Cancel, Captured, Consumer, POLL_INTERVAL, Producer, Transport, TransportError};
use crate::platform::{self, OutputPipe, ProcessWatch, kill_group, signal_of, wait_for_output};

/// Child processes on this host, each in a process group of its own that dies with us unless it is to survive.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeTransport;

impl Transport for NativeTransport {
    fn stream(
        &self,
        invocation: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
        cancel: &Cancel,
    ) -> Result<Captured, TransportError> {
        stream(invocation, input, output, cancel, &Outside::default())
    }
}

/// What a program needs that starts the command outside its own process group.
#[derive(Default)]
pub(super) struct Outside<'a> {
    /// A command without input gets an empty pipe that stays open as long as somebody waits for the command.
    pub(super) holds_input: bool,
    /// Ends the command.
    pub(super) end: Option<&'a dyn Fn()>,
}

/// Runs a command.
pub(super) fn stream(
    invocation: &Invocation,
    input: Option<Producer<'_>>,
    output: Option<Consumer<'_>>,
    cancel: &Cancel,
    outside: &Outside<'_>,
) -> Result<Captured, TransportError> {
    if cancel.is_cancelled() {
        return Err(TransportError::Cancelled);
    }
    let start_error =
        |source| TransportError::Start { program: invocation.program.display().to_string(), source };
    // A command whose input breaks off in the middle has nothing to go on with.
    let survives = invocation.survives && input.is_none();
    let has_pipe = input.is_some() || outside.holds_input;
    let child = spawn(invocation, has_pipe, survives).map_err(start_error)?;
    let mut running = Running { child, outside };
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stdin = input.as_ref().and_then(|_| running.child.stdin.take());
        let started = match (input, stdin) {
            (Some(producer), Some(stdin)) => Feed::start(scope, producer, stdin, &stop).map(Some),
            _ => Ok(None),
        };
        let mut feed = started.inspect_err(|_| running.end()).map_err(start_error)?;
        let result = converse(&mut running, invocation, output, &mut feed, cancel);
        // Before the producer's end of the pipe is closed: see `Fed`.
        match &result {
            Ok(Over::Ended(_)) => {}
            Ok(Over::Cancelled) if survives => {}
            _ => running.end(),
        }
        stop.store(true, Ordering::SeqCst);
        let fed = feed.and_then(|feed| feed.join().error);
        let input_error = |source| TransportError::Input { command: invocation.to_string(), source };
        match (result.map_err(start_error)?, fed) {
            (Over::Cancelled, _) => Err(TransportError::Cancelled),
            (Over::InputFailed(source), _) | (Over::Ended(_), Some(source)) => Err(input_error(source)),
            (Over::Ended(captured), None) => Ok(captured),
            (Over::TimedOut, _) => Err(TransportError::TimedOut {
                command: invocation.to_string(),
                seconds: invocation.timeout.as_secs(),
            }),
        }
    })
}

/// How long a program may take to end after the command that it has started.
const LONGEST_END: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

enum Over {
    Ended(Captured),
    InputFailed(io::Error),
    Cancelled,
    TimedOut,
}

/// The variables with places where programs and libraries are looked for, and what is set where nothing is left of one. The
/// client puts the project's directory and the slot first in the loader's, relative to the slot, for apps that bring libraries
/// (client/app_start.cpp), and the engines' programs start helpers by PATH: runtimes, monitors, credential helpers. A submitter's
/// file must not become part of the engine.
const SEARCH_PATHS: [(&str, Option<&str>); 3] = [
    ("LD_LIBRARY_PATH", None),
    ("DYLD_LIBRARY_PATH", None),
    ("PATH", Some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
];

/// The path without its relative parts; `None` if nothing is left.
fn absolute_parts(path: Option<OsString>) -> Option<OsString> {
    let parts: Vec<PathBuf> = std::env::split_paths(&path?).filter(|part| part.is_absolute()).collect();
    std::env::join_paths(parts).ok().filter(|path| !path.is_empty())
}

fn spawn(invocation: &Invocation, has_pipe: bool, survives: bool) -> io::Result<Child> {
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.args)
        .envs(invocation.env.iter().map(|(key, value)| (key, value)))
        .stdin(if has_pipe { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, otherwise) in SEARCH_PATHS {
        match absolute_parts(std::env::var_os(name)).or(otherwise.map(OsString::from)) {
            Some(path) => command.env(name, path),
            None => command.env_remove(name),
        };
    }
    platform::spawn(&mut command, survives)
}

/// Reads both pipes until the child is gone. A grandchild that keeps a pipe open does not hold us up.
fn converse(
    running: &mut Running<'_>,
    invocation: &Invocation,
    consumer: Option<Consumer<'_>>,
    feed: &mut Option<Feed<'_>>,
    cancel: &Cancel,
) -> io::Result<Over> {
    let deadline = Instant::now() + invocation.timeout;
    let stdout = running.child.stdout.take().map(OutputPipe::new).transpose()?;
    let stderr = running.child.stderr.take().map(OutputPipe::new).transpose()?;
    let mut stdout = Sink::new(stdout, invocation.keep, consumer);
    let mut stderr = Sink::new(stderr, invocation.keep, None);
    let exit = ProcessWatch::open(running.child.id()).ok();
    loop {
        if cancel.is_cancelled() {
            return Ok(Over::Cancelled);
        }
        if Instant::now() >= deadline {
            return Ok(Over::TimedOut);
        }
        if feed.as_ref().is_some_and(Feed::is_finished)
            && let Some(fed) = feed.take().map(Feed::join)
            && let Some(error) = fed.error
        {
            running.end();
            return Ok(Over::InputFailed(error));
        }
        wait_for_output([stdout.pipe.as_ref(), stderr.pipe.as_ref()], exit.as_ref(), POLL_INTERVAL);
        // One piece at a time: a command that prints without end must not keep us from the questions above.
        stdout.read();
        stderr.read();
        if stdout.enough {
            running.end();
            return Ok(Over::Ended(Captured { status: 0, stdout: stdout.kept, stderr: stderr.kept }));
        }
        if let Some(status) = running.child.try_wait()? {
            stdout.drain();
            stderr.drain();
            return Ok(Over::Ended(Captured {
                status: if stdout.enough {
                    0
                } else {
                    status.code().unwrap_or_else(|| -signal_of(status).unwrap_or(1).signum())
                },
                stdout: stdout.kept,
                stderr: stderr.kept,
            }));
        }
    }
}

struct Sink<'a> {
    pipe: Option<OutputPipe>,
    keep: Keep,
    kept: Vec<u8>,
    consumer: Option<Consumer<'a>>,
    /// The consumer wants no more.
    enough: bool,
}

impl<'a> Sink<'a> {
    fn new(pipe: Option<OutputPipe>, keep: Keep, consumer: Option<Consumer<'a>>) -> Self {
        Self { pipe, keep, kept: Vec::new(), consumer, enough: false }
    }

    /// What is there is read to its end.
    fn drain(&mut self) {
        while self.read() {}
    }

    /// Reads one piece; whether there may be more.
    fn read(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut buffer = [0_u8; 65_536];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => self.pipe = None,
        }
        self.pipe.is_some()
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(consumer) = &mut self.consumer {
            if consumer(bytes).is_break() {
                self.enough = true;
                self.pipe = None;
            }
            return;
        }
        match self.keep {
            Keep::Head(limit) => {
                let room = limit.saturating_sub(self.kept.len());
                self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Keep::Tail(limit) => {
                self.kept.extend_from_slice(bytes);
                if self.kept.len() > 2 * limit {
                    self.kept.drain(..self.kept.len() - limit);
                }
            }
        }
    }
}

/// A command that was started.
struct Running<'a> {
    child: Child,
    outside: &'a Outside<'a>,
}

impl Running<'_> {
    /// Kills the command with all it started, and reaps it.
    fn end(&mut self) {
        if let Some(end) = self.outside.end {
            end();
        }
        kill_group(&self.child);
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
            return;
        }
        // One with other rights cannot be killed: it ends soon after what it has started.
        let deadline = Instant::now() + LONGEST_END;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_parts_of_search_paths_are_for_the_engine() {
        let table = [
            ("../../projects/example.org:.:../..", None),
            (
                "../../projects/example.org:.:../..:/opt/lib:lib:/usr/local/lib",
                Some("/opt/lib:/usr/local/lib"),
            ),
            ("", None),
            ("::", None),
        ];
        for (path, expected) in table {
            assert_eq!(absolute_parts(Some(path.into())), expected.map(OsString::from), "{path:?}");
        }
        assert_eq!(absolute_parts(None), None);
    }
}

//! One agent, from its start to its end.

use std::io;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use boinc::error_chain::chain;
use boinc::frames::{FrameError, FromAgent, FromFront, Hello};
use boinc::wire::finish::{Finish, Message};

use crate::agent::{AgentCommand, EarlyEnd, Explanation};
use crate::client::{Client, Leaving};
use crate::keeper::Keeper;
use crate::log::{AgentLog, say_error};
use crate::silence::Silence;
use crate::stream::{Event, Kept, SendError, Sender, Text, keep_text, read_messages};
use crate::task::{Task, exit_status};

/// How often the client's shared memory is read (BOINC: api/boinc_api.cpp, `TIMER_PERIOD`).
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What an agent has written before its end is read by then, unless another process has its pipe.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a killed agent's end is waited for.
const KILLED: Duration = Duration::from_secs(5);

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The front has to exit with this status: the agent has said so, or the client has wished it.
    Exit(i32),
    /// Another session may do better.
    Broken {
        /// What happened.
        why: String,
        /// How long the agent had answered.
        lasted: Duration,
    },
    /// Another session would end in the same way.
    Failed {
        /// What happened, and what to do.
        why: String,
    },
}

/// A started agent.
pub struct Session<'a> {
    task: &'a Task<'a>,
    client: &'a mut Client,
    log: &'a mut AgentLog,
    keeper: &'a mut Keeper,
    agent: AgentCommand,
    child: Child,
    sender: Sender,
    events: Receiver<Event>,
    output: Kept,
    errors: Text,
    /// When the agent said who it is.
    greeted: Option<Instant>,
    silence: Silence,
    last_ping: Instant,
    /// The exit status that belongs to the file that tells the client the task's end.
    ended: Option<i32>,
}

impl<'a> Session<'a> {
    /// Starts the agent.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        task: &'a Task<'a>,
        client: &'a mut Client,
        log: &'a mut AgentLog,
        keeper: &'a mut Keeper,
        mut agent: AgentCommand,
    ) -> io::Result<Self> {
        let command = &mut agent.command;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let sender = Sender::start(child.stdin.take().ok_or_else(pipe)?)?;
        let (events, output) = read_messages(child.stdout.take().ok_or_else(pipe)?)?;
        let errors = keep_text(child.stderr.take().ok_or_else(pipe)?)?;
        let now = Instant::now();
        Ok(Self {
            task,
            client,
            log,
            keeper,
            agent,
            child,
            sender,
            events,
            output,
            errors,
            greeted: None,
            silence: Silence::new(now),
            last_ping: now,
            ended: None,
        })
    }

    /// Runs to the end of the session.
    pub fn run(mut self) -> SessionEnd {
        let mut next_poll = Instant::now();
        let end = loop {
            let event = self.events.recv_timeout(next_poll.saturating_duration_since(Instant::now()));
            let now = Instant::now();
            let mut end = match event {
                Ok(Event::Message(message)) => self.receive(now, message),
                Ok(Event::Ended(result)) => Some(self.lost(now, result)),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(self.lost(now, Ok(()))),
            };
            if end.is_none() && now >= next_poll {
                next_poll = now + POLL_INTERVAL;
                end = self.poll(now);
            }
            if let Some(end) = end {
                break end;
            }
        };
        self.client.report_finally();
        self.log.report_omitted();
        self.close(end)
    }

    fn receive(&mut self, now: Instant, message: FromAgent) -> Option<SessionEnd> {
        self.silence.end(now);
        match message {
            FromAgent::Hello(hello) if self.greeted.is_none() => return self.greet(now, &hello),
            FromAgent::Log(bytes) => self.log.write(now, &bytes),
            _ if self.greeted.is_none() => return Some(self.broken(now, "the agent did not say who it is")),
            FromAgent::Hello(_) => return Some(self.broken(now, "the agent said twice who it is")),
            FromAgent::Status(status) => self.client.report(status),
            FromAgent::Graphics(reply) => self.client.announce_graphics(reply),
            FromAgent::Finish(finish) => {
                self.client.report_finally();
                say_error(finish.write(self.task.slot));
                self.keeper.task_has_ended();
                self.ended = Some(finish.exit_status);
            }
            FromAgent::Later(later) => {
                self.client.report_finally();
                match later.write(self.task.slot) {
                    Ok(delay) if delay > later.delay_seconds => {
                        crate::say!("trying again in {delay} s, after so many attempts");
                    }
                    written => say_error(written),
                }
                self.keeper.task_has_ended();
                self.ended = Some(0);
            }
            FromAgent::Bye { exit_status } => return Some(SessionEnd::Exit(exit_status)),
            FromAgent::Pong => {}
            FromAgent::Keep(keep) => self.keeper.has_container(keep),
        }
        None
    }

    /// Checks who answers, and gives it the task.
    fn greet(&mut self, now: Instant, hello: &Hello) -> Option<SessionEnd> {
        let own = env!("CARGO_PKG_VERSION");
        if hello.version != own {
            let why = format!(
                "this program is version {own} and its agent is version {}: the project has to install the files of \
                 one version; reset the project if it has",
                hello.version
            );
            return Some(SessionEnd::Failed { why });
        }
        // The client can have rewritten the file since the front started: it does so when preferences change.
        if Hello::init_data_sha256_of(self.task.slot).as_ref() != Some(&hello.init_data_sha256) {
            let why = format!(
                "the agent works in {}, which is not the slot of this task: the slot's drive is not mounted there",
                hello.directory
            );
            return Some(self.broken(now, &why));
        }
        let bound = self.task.init_data.rsc_memory_bound;
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
        let memory = hello.memory_bytes as f64;
        if memory > 0.0 && bound > memory {
            let why = format!(
                "the task may use {:.1} GB of memory, and the system that it would run in has {:.1} GB{}",
                bound / 1e9,
                memory / 1e9,
                self.agent.memory_help
            );
            return Some(SessionEnd::Failed { why });
        }
        crate::say!(
            "agent {} ({}, user {}, boot {}) answers in {}",
            hello.version,
            hello.arch,
            hello.uid,
            hello.boot_id,
            hello.directory
        );
        self.greeted = Some(now);
        self.last_ping = now;
        let begin = self.client.begin(self.task.arguments);
        match self.sender.send(&FromFront::Begin(begin)) {
            Ok(()) => None,
            Err(SendError::Frame(error)) => Some(self.refuse_arguments(&error)),
            Err(error) => Some(self.broken(now, &error.to_string())),
        }
    }

    fn refuse_arguments(&self, error: &FrameError) -> SessionEnd {
        let text = format!("the task's command line: {error}; use --argv-file=NAME");
        crate::say!("{text}");
        let message = Some(Message { text, notice: false });
        say_error(Finish { exit_status: exit_status::INIT_FAILURE, message }.write(self.task.slot));
        SessionEnd::Exit(exit_status::INIT_FAILURE)
    }

    fn poll(&mut self, now: Instant) -> Option<SessionEnd> {
        let news = self.client.poll(now);
        let mut sent = Ok(());
        if self.greeted.is_some() {
            if !news.requests.is_empty() {
                sent = self.sender.send(&FromFront::Requests(news.requests));
            }
            if let Some(heartbeat) = news.heartbeat {
                sent = sent.and(self.sender.send(&FromFront::Heartbeat(heartbeat)));
            }
            if now.duration_since(self.last_ping) >= self.task.times.ping {
                self.last_ping = now;
                sent = sent.and(self.sender.send(&FromFront::Ping));
            }
        }
        if let Some(leaving) = self.client.leaving()
            && now.duration_since(leaving.since) >= self.patience(leaving)
        {
            crate::say!("the agent does not answer the client's request: leaving without it");
            return Some(self.leave(leaving));
        }
        if let Err(error) = sent {
            return Some(self.broken(now, &error.to_string()));
        }
        let silent = self.silence.length(now);
        if silent >= self.task.times.silence {
            let why = format!("the agent has not answered for {} s", silent.as_secs());
            return Some(match self.ended {
                Some(status) => SessionEnd::Exit(status),
                None => self.broken(now, &why),
            });
        }
        None
    }

    /// How long the agent may take to obey. One that has not got the task yet has nothing to save.
    fn patience(&self, leaving: Leaving) -> Duration {
        match (leaving.is_abort, self.greeted) {
            (true, _) => self.task.times.abort,
            (false, Some(_)) => self.task.times.quit,
            (false, None) => Duration::ZERO,
        }
    }

    fn leave(&self, leaving: Leaving) -> SessionEnd {
        SessionEnd::Exit(self.ended.unwrap_or_else(|| leaving.exit_status()))
    }

    /// The agent's stream has ended before a goodbye.
    fn lost(&mut self, now: Instant, result: Result<(), FrameError>) -> SessionEnd {
        if let Some(status) = self.ended {
            crate::say!("the agent ended before it had removed the container");
            return SessionEnd::Exit(status);
        }
        if let Some(leaving) = self.client.leaving() {
            return self.leave(leaving);
        }
        match result {
            Err(error) => self.broken(now, &chain(&error)),
            Ok(()) => self.broken(now, "the agent ended without a word"),
        }
    }

    fn broken(&self, now: Instant, why: &str) -> SessionEnd {
        let lasted = self.greeted.map_or(Duration::ZERO, |greeted| now.duration_since(greeted));
        SessionEnd::Broken { why: why.to_owned(), lasted }
    }

    /// Closes the agent's input. An agent that is to be followed by another is killed if it does not end then; the last one
    /// may still have to pause the job, and ends by itself.
    fn close(self, end: SessionEnd) -> SessionEnd {
        let Self { task, agent, mut child, sender, output, errors, greeted, .. } = self;
        drop(sender);
        let mut exit_code = end_of(&mut child, task.times.end);
        if exit_code.is_none() && !matches!(end, SessionEnd::Exit(_)) {
            let _ = child.kill();
            // A program that the system cannot end must not keep this one from obeying the client.
            exit_code = end_of(&mut child, KILLED);
        }
        // What tells why is waited for; a task's end is not.
        let patience = if matches!(end, SessionEnd::Exit(_)) { Duration::ZERO } else { LAST_WORDS };
        let early = EarlyEnd { exit_code, output: output.bytes(), errors: errors.bytes(patience) };
        if !early.errors.is_empty() {
            crate::say!("from the agent's command: {}", String::from_utf8_lossy(&early.errors));
        }
        match end {
            SessionEnd::Broken { why, .. } if greeted.is_none() => {
                crate::say!("{why}");
                let Explanation { text, is_final } = (agent.explain)(&early);
                if is_final {
                    SessionEnd::Failed { why: text }
                } else {
                    SessionEnd::Broken { why: text, lasted: Duration::ZERO }
                }
            }
            end => end,
        }
    }
}

impl Leaving {
    /// What the front exits with if the agent does not say it.
    pub fn exit_status(self) -> i32 {
        if self.is_abort { exit_status::ABORTED_BY_CLIENT } else { 0 }
    }
}

/// Waits for the end of a command whose pipes are closed. Its exit status, if it has ended with one.
fn end_of(child: &mut Child, patience: Duration) -> Option<i32> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code(),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

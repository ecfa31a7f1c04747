//! Why a command of the engine failed, sorted by what the caller does next.

use std::io;

use super::transport::{Captured, TransportError};

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program can't be started.
    #[error("can't run {program}: it is not installed, or not on PATH of the BOINC client")]
    NotInstalled {
        /// What was looked for.
        program: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The daemon's socket refuses this user.
    #[error(
        "no permission to use the engine: add the user that runs the BOINC client to the engine's group (docker), \
         or install rootless Podman; the engine said: {0}"
    )]
    NoPermission(String),
    /// The daemon does not answer.
    #[error("the engine's daemon does not answer: {0}")]
    Away(String),
    /// No such container.
    #[error("no such container")]
    NoContainer,
    /// No such image.
    #[error("no such image")]
    NoImage,
    /// Its name is taken, or it is in another state than the command needs.
    #[error("{0}")]
    Conflict(String),
    /// The disk is full.
    #[error("no space left for the engine: {0}")]
    NoSpace(String),
    /// The engine lacks its own small init program (docker-init, catatonit).
    #[error("the engine has no init program: {0}")]
    NoInit(String),
    /// The network is not there: names or hosts can't be reached.
    #[error("the network is not reachable: {0}")]
    NoNetwork(String),
    /// It took longer than allowed.
    #[error("{command} did not end within {seconds} s")]
    TimedOut {
        /// The command.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// Broken off at our own wish.
    #[error("cancelled")]
    Cancelled,
    /// Its answer can't be read.
    #[error("{command} gave an answer that can't be read: {why}")]
    Unreadable {
        /// The command.
        command: String,
        /// What was wrong.
        why: String,
    },
    /// Anything else.
    #[error("{command} failed with status {status}: {said}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit status; −1 for a death by signal.
        status: i32,
        /// The end of what it said.
        said: String,
    },
}

impl From<TransportError> for EngineError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Start { program, source } => EngineError::NotInstalled { program, source },
            TransportError::TimedOut { command, seconds } => EngineError::TimedOut { command, seconds },
            TransportError::Cancelled => EngineError::Cancelled,
        }
    }
}

/// Sorts the failure of a command by its words, since the engines' exit status (1 or 125) does not tell.
///
/// The fixtures in the tests are what Docker 20.10 and 28, and Podman 4.3 say. Only the last lines are looked at, for a
/// build prints whatever its steps print.
pub fn classify(command: &str, captured: &Captured) -> EngineError {
    let said = last_lines(&captured.stderr, 5);
    let text = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["permission denied while trying to connect", "dial unix /var/run/docker.sock: connect: permission denied"])
    {
        EngineError::NoPermission(said)
    } else if has(&[
        "cannot connect to the docker daemon",
        "is the docker daemon running",
        "error during connect",
        "connection reset by peer",
        "unexpected eof",
        "transport is closing",
        "cannot connect to podman",
        "unable to connect to podman",
    ]) {
        EngineError::Away(said)
    } else if has(&["docker-init", "catatonit", "init binary", "container-init binary"]) {
        EngineError::NoInit(said)
    } else if has(&["no space left on device", "disk quota exceeded"]) {
        EngineError::NoSpace(said)
    } else if has(&["no such container", "no container with name or id", "no container with id"]) {
        EngineError::NoContainer
    } else if has(&["no such image", "image not known", "unable to find image"]) {
        EngineError::NoImage
    } else if has(&[
        "is already in use",
        "is not running",
        "is not paused",
        "is already paused",
        "is paused",
        "container state improper",
        "is already in progress",
        "cannot pause",
        "can only kill running containers",
    ]) {
        EngineError::Conflict(said)
    } else if has(&[
        "temporary failure resolving",
        "temporary failure in name resolution",
        "no such host",
        "i/o timeout",
        "network is unreachable",
        "connection refused",
        "tls handshake timeout",
        "could not resolve host",
    ]) {
        EngineError::NoNetwork(said)
    } else {
        EngineError::Failed { command: command.to_owned(), status: captured.status, said }
    }
}

/// The last `count` lines that are not empty, joined by " | ".
pub fn last_lines(text: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}

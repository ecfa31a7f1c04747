//! Why an image was not built.

use std::io;

use crate::engine::EngineError;
use boinc::dockerfile::Faults;

/// Lines of a failed step's output that are shown.
const SAID_LINES: usize = 20;

/// There is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine failed, or the build was cancelled.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The Dockerfile asks for something that is not supported, as its base image or build arguments show.
    #[error("the Dockerfile cannot be built: {0}")]
    Faults(#[from] Faults),
    /// A RUN ended with another status than 0.
    #[error("line {line}: {text} {how}")]
    Step {
        /// The line of the instruction.
        line: u32,
        /// The instruction, shortened.
        text: String,
        /// How it ended.
        how: String,
        /// The end of what it printed.
        said: Vec<u8>,
        /// It had a network, and ended by itself: the network can be the cause.
        network: bool,
    },
    /// A COPY or ADD cannot be done.
    #[error("line {line}: {why}")]
    Copy {
        /// The line of the instruction.
        line: u32,
        /// What was found, and what to do.
        why: String,
    },
    /// The engine cannot do what the Dockerfile says, though it can do the like.
    #[error("the engine refuses what the Dockerfile asks for: {why}")]
    Impossible {
        /// The engine's words.
        why: String,
    },
    /// The base image may not be used.
    #[error("base image {name}: {why}")]
    Base {
        /// Its name in the Dockerfile.
        name: String,
        /// The rule.
        why: String,
    },
    /// This host cannot build it now.
    #[error("{0}")]
    Host(String),
    /// It took too long.
    #[error("the build did not end within {hours} hours")]
    TooLong {
        /// The limit.
        hours: u64,
    },
    /// A file of the build context cannot be read, or a file of ours not written: the host's fault.
    #[error("failed to {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A bug in the wrapper.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Who is to blame for an image that was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Blame {
    /// Another attempt with the same files would fail in the same way on any host.
    Job,
    /// The network, a server of the net, or the job: nothing shows which.
    Network,
    /// This host.
    Host,
}

impl BuildError {
    /// Who is to blame.
    pub fn blame(&self) -> Blame {
        match self {
            BuildError::Engine(EngineError::BadProgram(_) | EngineError::BadArguments(_)) => Blame::Job,
            BuildError::Engine(EngineError::NotPulled { is_certain: false, .. })
            | BuildError::Step { network: true, .. } => Blame::Network,
            BuildError::Engine(EngineError::NotPulled { is_certain: true, .. }) => Blame::Job,
            BuildError::Engine(_) | BuildError::Host(_) | BuildError::Io { .. } | BuildError::Internal(_) => {
                Blame::Host
            }
            BuildError::Faults(_)
            | BuildError::Step { .. }
            | BuildError::Copy { .. }
            | BuildError::Impossible { .. }
            | BuildError::Base { .. }
            | BuildError::TooLong { .. } => Blame::Job,
        }
    }

    /// The error, and below it what the failed step printed.
    pub fn report(&self) -> String {
        match self {
            BuildError::Step { said, .. } if !said.trim_ascii().is_empty() => {
                let said = String::from_utf8_lossy(said);
                let lines: Vec<&str> = said.lines().collect();
                let last = &lines[lines.len().saturating_sub(SAID_LINES)..];
                format!("{self}\nthe last lines of the step:\n{}", last.join("\n"))
            }
            _ => self.to_string(),
        }
    }
}

//! How an agent is started on this system, and what it means if it ends before it has said who it is.

use std::fmt;
use std::process::Command;
use std::rc::Rc;

use boinc::frames::Keep;

/// The word that asks for a keeper.
pub const KEEP: &str = "--keep";

/// Makes the command that starts a keeper for a container.
pub type KeeperCommand = Rc<dyn Fn(&Keep) -> Command>;

/// A command that starts an agent in the slot's directory. Its three streams become pipes: frames in, frames out, and
/// text of what stands between the front and the agent.
pub struct AgentCommand {
    /// The command, ready to be started.
    pub command: Command,
    /// The command that starts a keeper, which outlives this process.
    pub keeper: KeeperCommand,
    /// What an early end means.
    pub explain: fn(&EarlyEnd) -> Explanation,
    /// What the volunteer can do if the agent's system has less memory than the task may use.
    pub memory_help: &'static str,
    /// What the volunteer can do if one agent after the other ends.
    pub restart_help: &'static str,
}

impl fmt::Debug for AgentCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

/// No agent can be started. The task is tried later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoAgent {
    /// Why, and what the volunteer can do. One line.
    pub why: String,
}

/// What is known of an agent that ended, or was given up, before it said who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlyEnd {
    /// The exit status of the command; `None` after a signal, or if it had to be killed.
    pub exit_code: Option<i32>,
    /// The start of what it wrote to its standard output instead of frames.
    pub output: Vec<u8>,
    /// The start of what it wrote to its standard error.
    pub errors: Vec<u8>,
}

/// What an early end means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One line for the volunteer: what happened, and what to do.
    pub text: String,
    /// Another attempt in some seconds would end in the same way.
    pub is_final: bool,
}

impl EarlyEnd {
    /// What can be said without knowing what stands between the front and the agent: how the command ended and the first
    /// line that it wrote.
    pub fn in_words(&self) -> String {
        let ended = match self.exit_code {
            Some(code) => format!("ended with status {code}"),
            None => "was killed".to_owned(),
        };
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
        };
        match text(&self.errors).or_else(|| text(&self.output)) {
            Some(line) => format!("{ended}: {line}"),
            None => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_by_the_first_line_that_was_written() {
        let end = EarlyEnd {
            exit_code: Some(1),
            output: b"frames".to_vec(),
            errors: b"\n no such file\nx".to_vec(),
        };
        assert_eq!(end.in_words(), "ended with status 1: no such file");
        let end = EarlyEnd { output: b"text\n".to_vec(), ..EarlyEnd::default() };
        assert_eq!(end.in_words(), "was killed: text");
        assert_eq!(EarlyEnd { exit_code: Some(0), ..EarlyEnd::default() }.in_words(), "ended with status 0");
    }
}

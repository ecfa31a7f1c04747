//! Whether the agent's system has to be kept running when the front leaves. WSL stops it some seconds after the last program
//! that Windows has started in it has ended, and a paused job would be killed with it.

use std::process::{Command, Stdio};

use boinc::error_chain::chain;
use boinc::frames::Keep;

use crate::client::Leaving;

/// What the agents of a task have said of its container.
#[derive(Debug, Default)]
pub struct Keeper {
    container: Option<Keep>,
    task_has_ended: bool,
}

impl Keeper {
    /// The task has this container.
    pub fn has_container(&mut self, keep: Keep) {
        self.container = Some(keep);
    }

    /// The client is told how the task ended, or to start it again later. The agent removes the container, or would not have
    /// it run.
    pub fn task_has_ended(&mut self) {
        self.task_has_ended = true;
    }

    /// What to keep when the front leaves: a container whose task continues after a quit.
    pub fn wanted(&self, leaving: Option<Leaving>) -> Option<&Keep> {
        let is_quit = leaving.is_some_and(|leaving| !leaving.is_abort);
        self.container.as_ref().filter(|_| is_quit && !self.task_has_ended)
    }
}

/// Starts a keeper, which is on its own from then on. It gets nothing of this process: a stream of it would keep whoever
/// reads from it waiting.
pub fn start(mut command: Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        crate::say!("failed to keep the agent's system running: {}", chain(&error));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn only_a_quit_of_a_task_with_a_container_needs_one() {
        let keep = Keep { engine: "docker".to_owned(), container: "c".to_owned(), seconds: 60 };
        let leaving = |is_abort| Some(Leaving { is_abort, since: Instant::now() });
        let mut keeper = Keeper::default();
        assert_eq!(keeper.wanted(leaving(false)), None);
        keeper.has_container(keep.clone());
        assert_eq!(keeper.wanted(leaving(false)), Some(&keep));
        assert_eq!(keeper.wanted(leaving(true)), None);
        assert_eq!(keeper.wanted(None), None);
        keeper.task_has_ended();
        assert_eq!(keeper.wanted(leaving(false)), None);
    }
}

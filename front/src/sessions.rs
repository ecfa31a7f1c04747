//! Agent after agent, until one says how the task ended.

use std::thread;
use std::time::{Duration, Instant};

use boinc::error_chain::chain;

use crate::agent::{AgentCommand, KeeperCommand, NoAgent};
use crate::client::Client;
use crate::keeper::{self, Keeper};
use crate::log::AgentLog;
use crate::session::{POLL_INTERVAL, Session, SessionEnd};
use crate::task::Task;

/// The task cannot be run now, and no agent has said so.
#[derive(Debug, PartialEq, Eq)]
pub struct Later {
    /// When to start the task again, at least.
    pub delay: Duration,
    /// What happened, and what to do.
    pub why: String,
}

/// What is fixed by the volunteer takes a while; the client shows the reason.
const AFTER_MISSING_AGENT: Duration = Duration::from_secs(3_600);
const AFTER_BROKEN_SESSIONS: Duration = Duration::from_secs(900);

/// Runs the task. Returns the exit status of the front.
///
/// # Errors
/// No agent could be started, or none lasted.
pub fn run(
    task: &Task<'_>,
    client: &mut Client,
    agent_command: &dyn Fn(&Task<'_>) -> Result<AgentCommand, NoAgent>,
) -> Result<i32, Later> {
    let mut log = AgentLog::new(Instant::now());
    let mut keeper = Keeper::default();
    let mut failures = 0;
    loop {
        let missing = |why| Later { delay: AFTER_MISSING_AGENT, why };
        let agent = agent_command(task).map_err(|error| missing(error.to_string()))?;
        let help = agent.restart_help;
        let keeper_command = agent.keeper.clone();
        let name = agent.command.get_program().to_owned();
        let end = match Session::start(task, client, &mut log, &mut keeper, agent) {
            Ok(session) => session.run(),
            Err(error) => {
                let why = format!("failed to start {}: {}", name.display(), chain(&error));
                SessionEnd::Broken { why, lasted: Duration::ZERO }
            }
        };
        let why = match end {
            SessionEnd::Exit(status) => {
                start_keeper(&keeper, client, &keeper_command);
                return Ok(status);
            }
            SessionEnd::Failed { why } => return Err(missing(why)),
            SessionEnd::Broken { why, lasted } => {
                if lasted >= task.times.stable {
                    failures = 0;
                }
                why
            }
        };
        let Some(&pause) = task.times.pauses.get(failures) else {
            let why = format!("given up after {} attempts: {why}{help}", failures + 1);
            return Err(Later { delay: AFTER_BROKEN_SESSIONS, why });
        };
        failures += 1;
        crate::say!("{why}; starting another agent in {} s", pause.as_secs_f64());
        if let Some(status) = wait(client, pause) {
            start_keeper(&keeper, client, &keeper_command);
            return Ok(status);
        }
    }
}

fn start_keeper(keeper: &Keeper, client: &Client, command: &KeeperCommand) {
    if let Some(keep) = keeper.wanted(client.leaving()) {
        keeper::start(command(keep));
    }
}

/// Waits, unless the client wishes something. A quit needs no agent, and an abort needs one at once.
fn wait(client: &mut Client, pause: Duration) -> Option<i32> {
    let until = Instant::now() + pause;
    loop {
        let now = Instant::now();
        client.poll(now);
        match client.leaving() {
            Some(leaving) if !leaving.is_abort => return Some(leaving.exit_status()),
            Some(_) => return None,
            None if now >= until => return None,
            None => thread::sleep(POLL_INTERVAL.min(until - now)),
        }
    }
}

//! Linux, where the front runs in tests only: the agent is a child on the same system.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::thread;

use boinc::frames::Keep;
use boinc::wire::channel::AppEnd;
use boinc::wire::init_data::InitData;
use boinc::wire::segment::SegmentError;
use rustix::io::Errno;
use rustix::process::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::agent::{AgentCommand, Explanation, KEEP, NoAgent};

/// Names the program that is started as the agent. Only tests set it.
const AGENT_VARIABLE: &str = "BUOY_FRONT_AGENT";

/// Keeps what others put next to the program out of this process. This system does not look there.
pub fn secure_process() {}

/// Starts what the words ask for if they ask for a keeper, which they never do on this system: `None`.
pub fn keeper_starter(_words: &[OsString]) -> Option<i32> {
    None
}

/// The command that starts an agent for the task of this slot.
///
/// # Errors
/// There is no program that could be started.
pub fn agent_command(_slot: &Path, _init_data: &InitData) -> Result<AgentCommand, NoAgent> {
    let program = std::env::var_os(AGENT_VARIABLE).ok_or_else(|| NoAgent {
        why: "buoy-front is for Windows; on this system the client has to start buoy-wrapper itself"
            .to_owned(),
    })?;
    let mut command = Command::new(&program);
    command.arg("--agent");
    // As a process of another group it hears no signal that is for this one's.
    let keeper = Rc::new(move |keep: &Keep| {
        let mut command = Command::new(&program);
        let seconds = keep.seconds.to_string();
        command.args(["--agent", KEEP, &keep.engine, &keep.container, &seconds]).process_group(0);
        command
    });
    Ok(AgentCommand {
        command,
        keeper,
        explain: |end| Explanation { text: format!("the agent {}", end.in_words()), is_final: false },
        memory_help: "",
        restart_help: "",
    })
}

/// Has stderr written to stderr.txt in the slot. On this system the client has done that.
///
/// # Errors
/// Never on this system.
pub fn open_stderr(_slot: &Path) -> io::Result<()> {
    Ok(())
}

/// Has `tell` called, on a thread of its own, whenever this process is asked to stop.
///
/// # Errors
/// When the process can have no thread or descriptor.
pub fn on_stop(tell: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(|_| tell()))?;
    Ok(())
}

/// Attaches the client's shared memory; `None` if init_data.xml names none, as in a run by hand.
///
/// # Errors
/// When init_data.xml names shared memory that cannot be attached.
pub fn attach(slot: &Path, init_data: &InitData) -> Result<Option<AppEnd>, SegmentError> {
    init_data.shm_key.map(|key| AppEnd::attach(slot, key)).transpose()
}

/// The client's process.
#[derive(Debug)]
pub struct ClientProcess(Pid);

impl ClientProcess {
    /// The process that has this id; `None` if no process can have it.
    pub fn open(pid: u32) -> Option<Self> {
        Pid::from_raw(i32::try_from(pid).ok()?).map(Self)
    }

    /// Whether it is still there. Another process that got its id meanwhile counts as it.
    pub fn is_there(&self) -> bool {
        rustix::process::test_kill_process(self.0) != Err(Errno::SRCH)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_client_that_ended_is_gone() {
        let mut client = Command::new("sleep").arg("60").spawn().unwrap();
        let process = ClientProcess::open(client.id()).unwrap();
        assert!(process.is_there());
        client.kill().unwrap();
        client.wait().unwrap();
        assert!(!process.is_there());
        assert!(ClientProcess::open(0).is_none());
    }
}

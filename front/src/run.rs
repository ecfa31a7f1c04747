//! One life of the front, from the slot's lock to the exit status.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use boinc::error_chain::chain;
use boinc::file_error::FileError;
use boinc::wire::finish::{Finish, Message, TemporaryExit};
use boinc::wire::init_data::{INIT_DATA_FILE, InitData};
use boinc::wire::slot::SlotLock;

use crate::agent::{AgentCommand, NoAgent};
use crate::client::Client;
use crate::log::say_error;
use crate::platform;
use crate::sessions::{self, Later};
use crate::task::{Task, exit_status};
use crate::times::Times;

/// When a slot that cannot be used is tried again.
const AFTER_HOST_ERROR: Duration = Duration::from_secs(60);
/// And one that another program holds.
const AFTER_HELD_SLOT: Duration = Duration::from_secs(600);

/// Runs the task of the current directory, as a client starts us. Returns the exit status.
pub fn in_current_directory(words: Vec<OsString>) -> i32 {
    let slot = match std::env::current_dir() {
        Ok(slot) => slot,
        Err(error) => {
            crate::say!("failed to find the current directory: {error}");
            return exit_status::INIT_FAILURE;
        }
    };
    if let Err(error) = platform::open_stderr(&slot) {
        // The task can be run without it.
        crate::say!("failed to open stderr.txt: {error}");
    }
    run(&slot, words, &Times::default(), &|task| platform::agent_command(task.slot, task.init_data))
}

/// Runs the task of a slot with agents that `agent_command` names. Returns the exit status.
pub fn run(
    slot: &Path,
    words: Vec<OsString>,
    times: &Times,
    agent_command: &dyn Fn(&Task<'_>) -> Result<AgentCommand, NoAgent>,
) -> i32 {
    let lock = match lock(slot, times.lock) {
        Ok(lock) => lock,
        // The slot is another program's, so no file of it may be touched but the one by which BOINC's API says this, too
        // (api/boinc_api.cpp, `boinc_init_options_general`).
        Err(why) => return postpone(slot, Later { delay: AFTER_HELD_SLOT, why }),
    };
    let status = match words.into_iter().map(OsString::into_string).collect::<Result<Vec<_>, _>>() {
        Ok(arguments) => {
            life(slot, &arguments, times, agent_command).unwrap_or_else(|later| postpone(slot, later))
        }
        Err(word) => {
            let text = format!("the task's command line: {} is not UTF-8", word.display());
            crate::say!("{text}");
            let message = Some(Message { text, notice: false });
            say_error(Finish { exit_status: exit_status::INIT_FAILURE, message }.write(slot));
            exit_status::INIT_FAILURE
        }
    };
    drop(lock);
    status
}

/// Has the client start the task again later. Returns the exit status.
fn postpone(slot: &Path, later: Later) -> i32 {
    let delay_seconds = u32::try_from(later.delay.as_secs()).unwrap_or(u32::MAX);
    let exit = TemporaryExit { delay_seconds, reason: Message { text: later.why, notice: true } };
    let written = exit.write(slot);
    let seconds = written.as_ref().copied().unwrap_or(delay_seconds);
    crate::say!("this host cannot run the job now, trying again in {seconds} s: {}", exit.reason.text);
    say_error(written);
    0
}

fn life(
    slot: &Path,
    arguments: &[String],
    times: &Times,
    agent_command: &dyn Fn(&Task<'_>) -> Result<AgentCommand, NoAgent>,
) -> Result<i32, Later> {
    let failed = |error: &dyn std::error::Error| Later { delay: AFTER_HOST_ERROR, why: chain(error) };
    let path = slot.join(INIT_DATA_FILE);
    let bytes =
        fs::read(&path).map_err(FileError::new("failed to read", &path)).map_err(|error| failed(&error))?;
    let init_data = InitData::parse(&bytes).map_err(|error| failed(&error))?.relocated(slot);
    let end = platform::attach(slot, &init_data).map_err(|error| failed(&error))?;
    let stopped = Arc::new(AtomicBool::new(false));
    platform::on_stop({
        let stopped = stopped.clone();
        move || stopped.store(true, Ordering::SeqCst)
    })
    .map_err(|error| failed(&error))?;
    let mut client = Client::new(end, &init_data, stopped, Instant::now());
    let task = Task { slot, init_data: &init_data, arguments, times };
    sessions::run(&task, &mut client, agent_command)
}

/// Takes the slot's lock. Every error is tried again until `patience` is over: Windows denies access to a file also while a virus
/// scanner has it open.
fn lock(slot: &Path, patience: Duration) -> Result<SlotLock, String> {
    let deadline = Instant::now() + patience;
    loop {
        match SlotLock::try_acquire(slot) {
            Ok(lock) => return Ok(lock),
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(100)),
            Err(error) => return Err(chain(&error)),
        }
    }
}

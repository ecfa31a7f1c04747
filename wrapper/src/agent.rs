//! The agent: the wrapper of a task whose client runs on another system, where a front stands in for it.
//!
//! The front holds the slot's lock and writes the files that a client reads. Both processes have nothing but two pipes
//! in common, which may break at any time, so the agent has a lock of its own against the next one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use boinc::error_chain::chain;
use boinc::frames::{FromAgent, Hello};
use boinc::job::argv::Args;
use boinc::platform::{take_standard_streams, user};

use crate::agent_lock::{slot_name, try_lock};
use crate::distro_work::remove_leftovers_of_others;
use crate::image::HostLock;
use crate::inbox::Inbox;
use crate::lifecycle::Ending;
use crate::log;
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::run::{LOCK_PATIENCE, conclude, live, refuse};
use crate::state_dir::StateDir;

/// The only argument of an agent.
pub const FLAG: &str = "--agent";

/// How long the front may take to check who answers.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The exit status of an agent that never got a task; a front does not look at it.
const NO_TASK: i32 = 1;

/// Runs the task that a front gives, in the current directory, which is its slot. Returns the process's exit status.
pub fn run() -> i32 {
    // From here on nothing else can write to the front.
    let connected = take_standard_streams().and_then(|(input, output)| {
        let outbox = Outbox::start(output)?;
        Ok((Inbox::start(input, outbox.clone())?, outbox))
    });
    let Ok((inbox, outbox)) = connected else { return NO_TASK };
    log::send_to(outbox.clone());
    let slot = match std::env::current_dir() {
        Ok(slot) => slot,
        Err(error) => {
            crate::say!("failed to find the current directory: {error}");
            outbox.flush();
            return NO_TASK;
        }
    };
    outbox.send(&FromAgent::Hello(hello(&slot)));
    let Some(begin) = inbox.begin(BEGIN_TIMEOUT) else { return NO_TASK };
    let peer = Peer::Front { inbox, outbox: outbox.clone() };
    let exit_status = match Args::parse(begin.arguments) {
        Ok(args) => locked(&slot, args, &peer),
        Err(error) => refuse(&error, &slot, &peer),
    };
    outbox.send(&FromAgent::Bye { exit_status });
    outbox.flush();
    exit_status
}

/// Runs the task while no other agent of this slot does.
fn locked(slot: &Path, args: Args, peer: &Peer) -> i32 {
    crate::say!("buoy-wrapper {} starting", env!("CARGO_PKG_VERSION"));
    match lock(slot) {
        Ok((_lock, system)) => {
            remove_leftovers_of_others(&system, slot);
            live(slot, args, peer)
        }
        Err(why) => conclude(&Ending::host_cannot(0, false, why), slot, peer),
    }
}

/// The lock against other agents, and the directory that it is in.
fn lock(slot: &Path) -> Result<(HostLock, StateDir), String> {
    let system = StateDir::of_system().map_err(|error| chain(&error))?;
    let name = slot_name(slot);
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match try_lock(&system, &name) {
            Ok(Some(lock)) => return Ok((lock, system)),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Ok(None) => return Err("another agent still works in this slot".to_owned()),
            Err(error) => return Err(chain(&error)),
        }
    }
}

fn hello(slot: &Path) -> Hello {
    Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        uid: user().uid,
        directory: slot.display().to_string(),
        boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
        memory_bytes: memory_bytes().unwrap_or(0),
        init_data_sha256: Hello::init_data_sha256_of(slot).unwrap_or_default(),
    }
}

/// The memory of this system, bytes.
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

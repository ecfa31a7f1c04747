//! The keeper: keeps the agent's system running for a while after the client has quit, only by being there.
//!
//! WSL stops a distro some seconds after the last program that Windows has started in it has ended, and a paused job would be
//! killed with it. A keeper holds nothing of a session, and its end changes nothing. A slot has one at most: another one
//! writes its order down, which the first takes over, and ends.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use boinc::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};

use crate::agent;
use crate::agent_lock::{is_known, slot_name, try_lock};
use crate::engine::{self, Cancel, CliEngine, Flavor, HostTransport, Status};
use crate::image::HostLock;
use crate::state_dir::{StateDir, StateDirError};

/// The word that makes an agent a keeper.
const FLAG: &str = "--keep";

/// The directory of all keepers' locks and orders.
const DIRECTORY: &str = "keepers";

/// How often a keeper looks whether it is still of use.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long another keeper of this slot may take to end, after which it takes the order over.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// No order is for a longer time, seconds.
const MAX_SECONDS: u64 = 86_400;

/// What to keep the system running for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    /// Another one each time, so that an order for the same container begins a new time.
    number: u128,
    engine: Flavor,
    container: String,
    seconds: u64,
}

/// What is known of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It is paused or runs, or the engine does not answer.
    There,
    /// It has ended or is gone: there is nothing to keep.
    Over,
}

/// The time of an order.
#[derive(Debug)]
struct Watch {
    order: Order,
    until: Instant,
}

impl Watch {
    fn new(order: Order, now: Instant) -> Self {
        let until = now + Duration::from_secs(order.seconds);
        Self { order, until }
    }

    /// Whether to stay: until the container is over or the time is. `found` is the order as it is written down now; without
    /// one the agents' directory has been removed.
    fn stays(&mut self, now: Instant, found: Option<Order>, look: impl FnOnce(&Order) -> Seen) -> bool {
        let Some(found) = found else { return false };
        if found != self.order {
            *self = Self::new(found, now);
        }
        now < self.until && look(&self.order) == Seen::There
    }
}

/// A keeper that is to be started.
#[derive(Debug)]
pub struct Request {
    system: Result<StateDir, StateDirError>,
    slot_name: String,
    order: Order,
}

impl Request {
    /// Reads the arguments; `None` if they ask for something else.
    ///
    /// A workunit chooses the arguments of a wrapper that a client starts. So they only count in a slot that has had an agent.
    pub fn parse(words: &[OsString]) -> Option<Self> {
        let words: Vec<&str> = words.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
        let [agent::FLAG, FLAG, engine, container, seconds] = words[..] else { return None };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let order = Order {
            number: now.as_nanos(),
            engine: Flavor::named(engine)?,
            container: container.to_owned(),
            seconds: seconds.parse().ok().filter(|&seconds| seconds <= MAX_SECONDS)?,
        };
        let slot_name = slot_name(&std::env::current_dir().ok()?);
        let system = StateDir::of_system();
        let is_of_job = system.as_ref().is_ok_and(|system| !is_known(system, &slot_name));
        (!is_of_job).then_some(Self { system, slot_name, order })
    }

    /// Waits until the keeper is no longer needed. Returns the exit status of the process; no program reads it.
    pub fn run(self) -> i32 {
        // The client may want to remove the slot.
        let kept = std::env::set_current_dir("/").and_then(|()| self.keep());
        i32::from(kept.is_err())
    }

    fn keep(self) -> io::Result<()> {
        let system = self.system.map_err(io::Error::other)?;
        let directory = system.subdirectory(DIRECTORY)?;
        let order_file = directory.join(format!("{}.json", self.slot_name));
        let text = serde_json::to_vec(&self.order).map_err(io::Error::other)?;
        write_atomically(&order_file, &text)?;
        let start = Instant::now();
        let lock = loop {
            match HostLock::try_now(&directory, &self.slot_name).map_err(io::Error::other)? {
                Some(lock) => break lock,
                None if start.elapsed() >= LOCK_PATIENCE => return Ok(()),
                None => thread::sleep(Duration::from_millis(50)),
            }
        };
        let mut watch = Watch::new(self.order.clone(), start);
        while watch.stays(Instant::now(), read(&order_file), |order| look(&system, &self.slot_name, order)) {
            thread::sleep(INTERVAL);
        }
        // Whoever waits for the lock has written another order meanwhile, which must stay.
        if read(&order_file).as_ref() == Some(&watch.order) {
            let _ = fs::remove_file(&order_file);
        }
        drop(lock);
        Ok(())
    }
}

fn read(order_file: &PathBuf) -> Option<Order> {
    serde_json::from_slice(&fs::read(order_file).ok()?).ok()
}

/// Looks at the container, and pauses it if it runs without an agent. That happens if the agent was killed before it could pause
/// the job. Without an agent the job's limits are not watched.
fn look(system: &StateDir, slot_name: &str, order: &Order) -> Seen {
    let state = system.path();
    let found = engine::find(Some(order.engine)).into_iter().find(|(flavor, _)| *flavor == order.engine);
    let Some((flavor, program)) = found else { return Seen::Over };
    let engine = HostTransport::of(flavor, state).and_then(|transport| {
        CliEngine::new(flavor, program, transport, Cancel::default(), false).without_client_settings(state)
    });
    let Ok(engine) = engine else { return Seen::There };
    match engine.inspect(&order.container) {
        Ok(None) => Seen::Over,
        Ok(Some(inspected)) if matches!(inspected.status, Status::Exited | Status::Dead) => Seen::Over,
        Ok(Some(inspected)) if inspected.status == Status::Running => {
            // The next agent waits for this lock before it looks.
            if let Ok(Some(_lock)) = try_lock(system, slot_name) {
                // What fails is tried again at the next look.
                let _ = engine.pause(&order.container);
            }
            Seen::There
        }
        Ok(Some(_)) | Err(_) => Seen::There,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: u128, seconds: u64) -> Order {
        Order { number, engine: Flavor::Docker, container: "boinc__p__r".to_owned(), seconds }
    }

    #[test]
    fn it_stays_for_its_time_and_no_longer_than_the_container() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let there = |_: &Order| Seen::There;
        let mut watch = Watch::new(order(1, 60), start);
        assert!(watch.stays(at(59), Some(order(1, 60)), there));
        assert!(!watch.stays(at(60), Some(order(1, 60)), there));
        assert!(!watch.stays(at(10), Some(order(1, 60)), |_| Seen::Over));
        assert!(!watch.stays(at(10), None, there));
        // Another order, as the client quits once more.
        assert!(watch.stays(at(59), Some(order(2, 60)), there));
        assert!(watch.stays(at(118), Some(order(2, 60)), there));
        assert!(!watch.stays(at(119), Some(order(2, 60)), there));
    }

    #[test]
    fn words_of_a_job_are_no_request() {
        let parse = |words: &[&str]| Request::parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        for words in [
            &["--agent", "--keep", "docker", "c", "60"][..],
            &["--agent", "--keep", "docker", "c", "86401"],
            &["--agent", "--keep", "lxc", "c", "60"],
            &["--keep", "docker", "c", "60"],
            &["--agent"],
        ] {
            assert!(parse(words).is_none(), "this directory has had no agent: {words:?}");
        }
    }
}

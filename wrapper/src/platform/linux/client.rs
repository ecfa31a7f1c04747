//! The client's process.

use super::ProcessStat;
use crate::platform::unix::pid;

/// The client's process, told from a later one with the same id by its start time.
#[derive(Debug)]
pub struct ClientProcess {
    pid: u32,
    started: Option<u64>,
}

impl ClientProcess {
    /// The process that has this id now.
    pub fn open(pid: u32) -> Self {
        Self { pid, started: start_time(pid) }
    }

    /// Whether it still runs.
    pub fn is_there(&self) -> bool {
        let Some(pid) = pid(self.pid) else { return false };
        let exists = rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH);
        exists && (self.started.is_none() || start_time(self.pid) == self.started)
    }
}

/// Start time in clock ticks since boot; `None` for a zombie too, which does nothing any more.
fn start_time(pid: u32) -> Option<u64> {
    let stat = ProcessStat::of(pid)?;
    if stat.state() == "Z" { None } else { stat.start_ticks() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_client_that_ended_is_gone_even_before_it_is_reaped() {
        let mut client = Command::new("sleep").arg("60").spawn().unwrap();
        let process = ClientProcess::open(client.id());
        assert!(process.is_there());
        client.kill().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.is_there() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!process.is_there());
        client.wait().unwrap();
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_client() {
        let own = std::process::id();
        assert!(!ClientProcess { pid: own, started: Some(1) }.is_there());
        assert!(ClientProcess::open(own).is_there());
    }
}

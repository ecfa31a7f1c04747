//! What the running container uses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::cli::CliEngine;
use super::freeze;
use super::stats_watch::StatsWatch;
use super::transport::Transport;
use crate::platform::{Cgroup, NewCgroup, ProcessStat};

/// Figures of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU seconds since the container was started.
    pub cpu_seconds: f64,
    /// Bytes of memory in use.
    pub memory_bytes: f64,
    /// Processes that the kernel killed for memory.
    pub memory_kills: u64,
    /// Forks that the limit of processes refused.
    pub refused_forks: u64,
}

/// How often a container that is being started is looked at.
const EARLY_EVERY: Duration = Duration::from_millis(2);

/// Reads what a container uses from the moment when its cgroup is made: one that ends soon is gone before the engine reports
/// that it was started.
#[derive(Debug)]
pub struct EarlyUsage {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Option<Usage>>,
}

impl EarlyUsage {
    /// Begins to look for the cgroup of a container with this id.
    pub fn watch(container_id: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let place = NewCgroup::of(&container_id);
            let mut reader = None;
            while !stopped.load(Ordering::Relaxed) {
                match &mut reader {
                    None => reader = place.open().map(UsageReader::of),
                    Some(reader) => drop(reader.read_finally()),
                }
                thread::sleep(EARLY_EVERY);
            }
            reader.map(|reader| reader.last)
        });
        Self { stop, thread }
    }

    /// The last figures that could be read.
    pub fn finish(self) -> Option<Usage> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().flatten()
    }
}

/// Memory is read once a second at first, and then every so many seconds: its statistics cost the kernel more than all other
/// figures together, and a client looks at it every ten seconds.
const MEMORY_EVERY: u32 = 5;

/// Reads them: from the container's cgroup, or else from its processes; where neither is seen, by the engine's word.
#[derive(Debug)]
pub struct UsageReader {
    source: Source,
    last: Usage,
    /// Readings so far, one a second.
    readings: u32,
}

#[derive(Debug)]
enum Source {
    Cgroup(Cgroup),
    Processes(u32),
    Stats(StatsWatch),
}

impl From<Source> for UsageReader {
    fn from(source: Source) -> Self {
        Self { source, last: Usage::default(), readings: 0 }
    }
}

impl UsageReader {
    /// Opens what is there for a container whose first process is `pid`.
    pub fn open(pid: u32, container_id: &str) -> Self {
        Cgroup::open(pid, container_id).map_or_else(|| Self::from(Source::Processes(pid)), Self::of)
    }

    /// Asks the engine for the figures of a container whose processes are not seen here.
    pub fn ask<T: Transport + Clone + 'static>(engine: &CliEngine<T>, container: &str) -> Self {
        Self::from(Source::Stats(StatsWatch::start(engine, container)))
    }

    fn of(cgroup: Cgroup) -> Self {
        Self::from(Source::Cgroup(cgroup))
    }

    /// The figures that are reported while it runs; call it once a second. What can't be read any more stays as it was last
    /// seen.
    pub fn read(&mut self) -> Usage {
        match &self.source {
            Source::Cgroup(cgroup) => {
                let last = &mut self.last;
                last.cpu_seconds = cgroup.cpu_seconds().unwrap_or(0.0).max(last.cpu_seconds);
                if self.readings < MEMORY_EVERY || self.readings.is_multiple_of(MEMORY_EVERY) {
                    last.memory_bytes = cgroup.memory_bytes().unwrap_or(last.memory_bytes);
                }
            }
            Source::Processes(first) => self.last = of_processes(*first, self.last),
            Source::Stats(watch) =>
            {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "of nanoseconds and bytes the last digits do not matter"
                )]
                if let Some(stats) = watch.latest() {
                    self.last.cpu_seconds = (stats.cpu_nanoseconds as f64 / 1e9).max(self.last.cpu_seconds);
                    self.last.memory_bytes = stats.memory_bytes as f64;
                }
            }
        }
        self.readings = self.readings.wrapping_add(1);
        self.last
    }

    /// Processes that the kernel has killed for memory so far.
    pub fn memory_kills(&self) -> u64 {
        match &self.source {
            Source::Cgroup(cgroup) => cgroup.memory_kills().unwrap_or(0),
            Source::Processes(_) | Source::Stats(_) => 0,
        }
    }

    /// All figures, at the end.
    pub fn read_finally(&mut self) -> Usage {
        self.read();
        if let Source::Cgroup(cgroup) = &self.source {
            let last = &mut self.last;
            last.memory_bytes = cgroup.memory_bytes().unwrap_or(last.memory_bytes);
            last.memory_kills = cgroup.memory_kills().unwrap_or(last.memory_kills);
            last.refused_forks = cgroup.refused_forks().unwrap_or(last.refused_forks);
        }
        self.last
    }
}

/// Sums over the tree of processes: their own times and those of children they have waited for.
fn of_processes(first: u32, last: Usage) -> Usage {
    let mut seen = Usage { cpu_seconds: 0.0, memory_bytes: 0.0, ..last };
    for stat in freeze::tree(first).into_iter().filter_map(ProcessStat::of) {
        seen.cpu_seconds += stat.cpu_seconds();
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
        let bytes = stat.resident_bytes() as f64;
        seen.memory_bytes += bytes;
    }
    // A tree without processor time is one that is gone.
    if seen.cpu_seconds < last.cpu_seconds { last } else { seen }
}

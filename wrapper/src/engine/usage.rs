//! What the running container uses.

use super::freeze;
use crate::platform::{Cgroup, ProcessStat};

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

/// Reads them: from the container's cgroup, or else from its processes.
#[derive(Debug)]
pub struct UsageReader {
    source: Source,
    last: Usage,
}

#[derive(Debug)]
enum Source {
    Cgroup(Cgroup),
    Processes(u32),
}

impl UsageReader {
    /// Opens what is there for a container whose first process is `pid`.
    pub fn open(pid: u32, container_id: &str) -> Self {
        let source = Cgroup::open(pid, container_id).map_or(Source::Processes(pid), Source::Cgroup);
        Self { source, last: Usage::default() }
    }

    /// The figures now. What can't be read any more stays as it was last seen.
    pub fn read(&mut self) -> Usage {
        match &self.source {
            Source::Cgroup(cgroup) => {
                let last = self.last;
                self.last = Usage {
                    cpu_seconds: cgroup.cpu_seconds().unwrap_or(last.cpu_seconds).max(last.cpu_seconds),
                    memory_bytes: cgroup.memory_bytes().unwrap_or(last.memory_bytes),
                    memory_kills: cgroup.memory_kills().unwrap_or(last.memory_kills),
                    refused_forks: cgroup.refused_forks().unwrap_or(last.refused_forks),
                };
            }
            Source::Processes(first) => self.last = of_processes(*first, self.last),
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

//! What a container's processes take together, for hosts on which the engine cannot limit it: rootless Podman under cgroup
//! version 1.

use std::fs;
use std::path::Path;

use crate::engine::process_tree;
use crate::platform::ProcessStat;

/// Memory and tasks of a tree of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessUse {
    /// Bytes of resident memory.
    pub(super) memory_bytes: u64,
    /// Processes and threads.
    pub(super) tasks: u64,
}

/// All processes that descend from `first`, itself included.
///
/// The kernel's own list of children spares reading all processes of the host; where the kernel has none, all are read.
pub(super) fn tree(first: u32) -> Vec<u32> {
    if !Path::new(&format!("/proc/{first}/task/{first}/children")).exists() {
        return process_tree(first);
    }
    let mut found = vec![first];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        next += 1;
        for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children = text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
            found.extend(children);
        }
    }
    found
}

/// What the tree takes now; `None` if its first process cannot be seen. `memory_limit` is only there to save work: how memory
/// is shared is looked at only if the plain sum is above it.
pub(super) fn process_use(first: u32, memory_limit: u64) -> Option<ProcessUse> {
    ProcessStat::of(first)?;
    let processes = tree(first);
    let mut used = ProcessUse::default();
    for stat in processes.iter().filter_map(|pid| ProcessStat::of(*pid)) {
        used.memory_bytes += stat.resident_bytes();
        used.tasks += stat.threads();
    }
    if used.memory_bytes > memory_limit {
        used.memory_bytes = processes.iter().filter_map(|pid| share_of_memory(*pid)).sum();
    }
    Some(used)
}

/// Bytes of a process, of memory that it shares only its share. Where the kernel does not say, its own pages.
fn share_of_memory(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok();
    if let Some(bytes) = rollup.as_deref().and_then(|text| kilobytes(text, "Pss:")) {
        return Some(bytes);
    }
    kilobytes(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "RssAnon:")
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn memory_and_tasks_of_children_count() {
        let script = "sleep 30 & dd if=/dev/zero bs=20M count=1 2>/dev/null | sleep 30";
        let mut shell = Command::new("bash").args(["-c", script]).spawn().unwrap();
        let complete = |used: &ProcessUse| used.tasks == 4 && used.memory_bytes >= 20_000_000;
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut used = process_use(shell.id(), 0).unwrap();
        while !complete(&used) && Instant::now() < deadline {
            used = process_use(shell.id(), 0).unwrap();
        }
        let plain = process_use(shell.id(), u64::MAX).unwrap();
        for pid in tree(shell.id()).into_iter().rev() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        shell.wait().unwrap();
        assert!(complete(&used), "{used:?}");
        assert!(plain.memory_bytes >= used.memory_bytes, "{plain:?} {used:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_not_measured() {
        assert_eq!(process_use(u32::MAX / 4, 0), None);
    }
}

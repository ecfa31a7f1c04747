//! Stopping a rootless container's processes by signal, where the engine has no freezer for them.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::platform::ProcessStat;

/// All processes that descend from `first`, itself included, parents before children. A container's processes never
/// leave this tree: orphans are adopted by its first process.
pub fn tree(first: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = ProcessStat::of(pid).and_then(|stat| stat.parent()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![first];
    let mut next = 0;
    while next < found.len() {
        if let Some(list) = children.remove(&found[next]) {
            found.extend(list);
        }
        next += 1;
    }
    found
}

/// Held by who stops or continues a container's processes by signal, so that two do not undo each other's work.
pub fn signals_of_processes() -> MutexGuard<'static, ()> {
    static SIGNALS: Mutex<()> = Mutex::new(());
    SIGNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the process is stopped by a signal.
pub(super) fn is_stopped(pid: u32) -> bool {
    ProcessStat::of(pid).is_some_and(|stat| stat.state() == "T")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_tree_holds_children_of_children() {
        let mut shell = Command::new("sh").args(["-c", "sleep 30 & sleep 30"]).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while tree(shell.id()).len() < 3 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let found = tree(shell.id());
        for &pid in found.iter().rev() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        shell.wait().unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], shell.id());
    }
}

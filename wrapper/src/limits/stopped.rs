//! Processes that stand still for a moment, so that they hide nothing from a measurement.

use std::sync::MutexGuard;
use std::time::Duration;

use crate::engine::{process_tree, signals_of_processes};
use crate::platform::{ProcessStat, continue_process, stop_process};

/// How often new processes are looked for. Each round stops all that it finds, so that only a job that starts processes faster
/// than that is not stopped.
const ROUNDS: u32 = 40;

const SETTLE_MILLISECONDS: u32 = 50;

/// A stopped tree of processes; it continues when this is dropped.
#[derive(Debug)]
pub(super) struct Stopped {
    processes: Vec<u32>,
    _signals: MutexGuard<'static, ()>,
}

impl Stopped {
    /// Stops `first` and all its descendants. Those that stand still already are left alone, now and afterwards: the client
    /// may have suspended the job. `None` if not all can be stopped.
    pub(super) fn tree(first: u32) -> Option<Self> {
        let mut stopped = Self { processes: Vec::new(), _signals: signals_of_processes() };
        for _ in 0..ROUNDS {
            let running = process_tree(first).into_iter().filter(|pid| runs(*pid));
            let fresh: Vec<u32> = running.filter(|pid| !stopped.processes.contains(pid)).collect();
            if fresh.is_empty() {
                stopped.settle();
                return Some(stopped);
            }
            for process in fresh {
                stopped.processes.push(process);
                stop_process(process);
            }
        }
        None
    }

    /// A process stops when it returns from the kernel, so it may still finish one system call.
    fn settle(&self) {
        for _ in 0..SETTLE_MILLISECONDS {
            if !self.processes.iter().any(|pid| may_act(*pid)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for process in &self.processes {
            continue_process(*process);
        }
    }
}

/// Lets processes continue that an earlier life of the wrapper has stopped for a measurement and not continued.
pub(super) fn continue_tree(first: u32) {
    let _signals = signals_of_processes();
    for process in process_tree(first).into_iter().filter(|pid| !runs(*pid)) {
        continue_process(process);
    }
}

/// Neither stopped nor dead.
fn runs(process: u32) -> bool {
    ProcessStat::of(process).is_some_and(|stat| !matches!(stat.state(), "T" | "t" | "Z" | "X"))
}

/// Neither stopped nor waiting in the kernel, where a process also waits for the child that it has just made.
fn may_act(process: u32) -> bool {
    runs(process) && ProcessStat::of(process).is_some_and(|stat| stat.state() != "D")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    fn is_stopped(process: u32) -> bool {
        ProcessStat::of(process).is_some_and(|stat| stat.state() == "T")
    }

    #[test]
    fn a_tree_stands_still_until_it_may_continue() {
        let mut shell =
            Command::new("sh").args(["-c", "while :; do sleep 0.01; done & sleep 60"]).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while process_tree(shell.id()).len() < 3 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let stopped = Stopped::tree(shell.id()).unwrap();
        let processes = process_tree(shell.id());
        let all_stopped = !processes.iter().any(|pid| may_act(*pid));
        drop(stopped);
        let continues = !is_stopped(shell.id());
        for pid in process_tree(shell.id()).into_iter().rev() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        shell.wait().unwrap();
        assert!(processes.len() >= 2 && all_stopped && continues, "{processes:?}");
    }

    #[test]
    fn what_stands_still_already_is_not_continued() {
        let mut sleep = Command::new("sleep").arg("60").spawn().unwrap();
        stop_process(sleep.id());
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_stopped(sleep.id()) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        drop(Stopped::tree(sleep.id()).unwrap());
        let still = is_stopped(sleep.id());
        continue_tree(sleep.id());
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_stopped(sleep.id()) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let continued = !is_stopped(sleep.id());
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert!(still && continued);
    }
}

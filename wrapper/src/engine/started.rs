//! Whether a dead container died of the engine's or the host's restart rather than by itself.

use std::fs;
use std::path::Path;

use super::output::Inspected;

/// Seconds that clocks of the kernel and the engine may differ.
const SLACK_SECONDS: f64 = 0.5;

/// A death by signal (the exit status is above 128) of a container that had been started before the engine's daemon
/// or the host itself was: the job did not end, it was ended. `killed_by_order`: the engine's log of events says
/// that somebody had it killed.
///
/// Containers are created with SIGKILL as their stop signal, so a job that ended by itself never looks like this.
pub fn killed_from_outside(
    inspected: &Inspected,
    daemon_started: Option<f64>,
    killed_by_order: bool,
) -> bool {
    let by_signal = inspected.exit_code > 128;
    if !by_signal || inspected.oom_killed {
        return false;
    }
    let outlived = |event: Option<f64>| match (event, inspected.started_at) {
        (Some(event), Some(started)) => event > started + SLACK_SECONDS,
        _ => false,
    };
    killed_by_order || outlived(daemon_started) || outlived(boot_time())
}

/// When this host was booted, seconds since 1970 (`btime` of /proc/stat).
pub(super) fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// When the youngest daemon of Docker on this host was started, seconds since 1970. Everybody may read this of any
/// process; `None` where no daemon is visible (another host, a VM).
pub(super) fn docker_daemon_started() -> Option<f64> {
    let boot = boot_time()?;
    let ticks = rustix::param::clock_ticks_per_second();
    let mut youngest: Option<f64> = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let path = entry.path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == "dockerd") {
            #[expect(clippy::cast_precision_loss, reason = "ticks since boot are far below 2^52")]
            let started = start_ticks(&path).map(|start| boot + start as f64 / ticks as f64);
            youngest = match (youngest, started) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            };
        }
    }
    youngest
}

/// Field 22 of /proc/PID/stat: start time in clock ticks since boot.
fn start_ticks(process: &Path) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The second field is the program's name in brackets and may itself hold brackets and spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::output::Status;
    use super::*;

    fn exited(code: i32) -> Inspected {
        let started_at = boot_time().map(|boot| boot + 100.0);
        Inspected {
            id: String::new(),
            status: Status::Exited,
            exit_code: code,
            oom_killed: false,
            pid: None,
            error: String::new(),
            started_at,
            written: Vec::new(),
        }
    }

    #[test]
    fn a_kill_by_a_restarted_daemon_is_no_end_of_the_job() {
        let later = exited(137).started_at.map(|started| started + 60.0);
        assert!(killed_from_outside(&exited(137), later, false));
        assert!(killed_from_outside(&exited(255), later, false));
    }

    #[test]
    fn an_exit_of_its_own_stays_one_whatever_the_daemon_did() {
        let later = exited(3).started_at.map(|started| started + 60.0);
        assert!(!killed_from_outside(&exited(3), later, false));
        assert!(!killed_from_outside(&exited(0), later, true));
    }

    #[test]
    fn a_kill_from_within_is_the_jobs_own() {
        let earlier = exited(137).started_at.map(|started| started - 60.0);
        assert!(!killed_from_outside(&exited(137), earlier, false));
    }

    #[test]
    fn a_kill_for_memory_is_the_jobs_own() {
        let later = exited(137).started_at.map(|started| started + 60.0);
        assert!(!killed_from_outside(&Inspected { oom_killed: true, ..exited(137) }, later, false));
    }

    #[test]
    fn a_container_from_before_the_boot_was_killed_by_it() {
        let old = Inspected { started_at: boot_time().map(|boot| boot - 100.0), ..exited(137) };
        assert!(killed_from_outside(&old, None, false));
    }

    #[test]
    fn the_start_of_a_process_is_read_from_proc() {
        assert!(start_ticks(Path::new("/proc/self")).is_some_and(|ticks| ticks > 0));
    }
}

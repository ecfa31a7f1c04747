//! Whether a dead container died of the engine's or the host's restart rather than by itself.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use super::output::Inspected;
use crate::process_stat::ProcessStat;

/// Seconds by which the kernel's account of a process's start, which counts in ticks, may differ from the engine's clock.
const SLACK_SECONDS: f64 = 0.1;

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
    // A daemon that was killed in the middle of a start knows of no start, whatever became of the processes since.
    let never_started = inspected.started_at.is_none();
    killed_by_order || never_started || outlived(daemon_started) || outlived(Some(boot_time()))
}

/// When this host was booted, seconds since 1970. `btime` of /proc/stat says the same in whole seconds, which are too many:
/// a daemon can be restarted in the second in which it has started a container.
fn boot_time() -> f64 {
    seconds(ClockId::Realtime) - seconds(ClockId::Boottime)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age are far below 2^52")]
fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// When the daemon behind `endpoint` (`unix:///var/run/docker.sock`) was started, seconds since 1970. `None` where that can't
/// be told: it is on another host, in a VM, or of another PID namespace.
pub(super) fn docker_daemon_started(endpoint: &str) -> Option<f64> {
    let socket = endpoint.strip_prefix("unix://")?;
    let listener = listening_process(socket)?;
    if is_dockerd(&listener) {
        return started(&listener);
    }
    // Under socket activation it is the init system that has called listen(2). Then the youngest daemon is taken, of which
    // there is one as a rule.
    let daemons =
        fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).filter(|path| is_dockerd(path));
    daemons.filter_map(|path| started(&path)).reduce(f64::max)
}

/// The directory in /proc of the process that listens at a socket: the kernel notes it at listen(2) (unix(7), `SO_PEERCRED`).
fn listening_process(socket: &str) -> Option<PathBuf> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    Some(PathBuf::from(format!("/proc/{}", peer.pid.as_raw_pid())))
}

fn is_dockerd(process: &Path) -> bool {
    fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim() == "dockerd")
}

fn started(process: &Path) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "ticks since boot are far below 2^52")]
    let seconds =
        ProcessStat::read(process)?.start_ticks()? as f64 / rustix::param::clock_ticks_per_second() as f64;
    Some(boot_time() + seconds)
}

#[cfg(test)]
mod tests {
    use super::super::output::Status;
    use super::*;

    fn exited(code: i32) -> Inspected {
        let started_at = Some(boot_time() + 100.0);
        Inspected {
            id: String::new(),
            mark: String::new(),
            status: Status::Exited,
            exit_code: code,
            oom_killed: false,
            pid: None,
            error: String::new(),
            started_at,
            written: Vec::new(),
            layer_is_told: false,
            size_written: 0,
        }
    }

    #[test]
    fn a_kill_by_a_restarted_daemon_is_no_end_of_the_job() {
        let later = exited(137).started_at.map(|started| started + 60.0);
        assert!(killed_from_outside(&exited(137), later, false));
        assert!(killed_from_outside(&exited(255), later, false));
    }

    #[test]
    fn a_daemon_may_be_restarted_in_the_second_in_which_it_has_started_a_container() {
        let later = exited(137).started_at.map(|started| started + 0.3);
        assert!(killed_from_outside(&exited(137), later, false));
    }

    #[test]
    fn the_boot_is_when_the_kernel_says() {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let whole = stat.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
        let whole: f64 = whole.trim().parse().unwrap();
        assert!((boot_time() - whole).abs() <= 1.0, "{} and {whole}", boot_time());
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
    fn a_death_without_a_start_that_the_engine_knows_of_is_no_end_of_the_job() {
        assert!(killed_from_outside(&Inspected { started_at: None, ..exited(137) }, None, false));
        assert!(!killed_from_outside(&Inspected { started_at: None, ..exited(3) }, None, false));
    }

    #[test]
    fn a_container_from_before_the_boot_was_killed_by_it() {
        let old = Inspected { started_at: Some(boot_time() - 100.0), ..exited(137) };
        assert!(killed_from_outside(&old, None, false));
    }

    #[test]
    fn the_process_behind_a_socket_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let own = PathBuf::from(format!("/proc/{}", std::process::id()));
        assert_eq!(listening_process(socket.to_str().unwrap()), Some(own));
        assert_eq!(docker_daemon_started("tcp://192.0.2.1:2376"), None);
    }
}

//! Whether a dead container died of the engine's or the host's restart rather than by itself.

use super::output::Inspected;
use crate::platform::system_started;

/// Seconds by which the kernel's account of a process's start, which counts in ticks, may differ from the engine's clock.
const SLACK_SECONDS: f64 = 0.1;

/// An engine may note the start of a container that ends at once after its end, on a busy host seconds after it.
const LATE_START_SECONDS: f64 = 60.0;

/// An end that the engine has not seen, or a death by signal (the exit status is above 128) of a container that had been started before the engine's daemon
/// or the system itself was: the job did not end, it was ended. `killed_by_order`: the engine's log of events says
/// that somebody had it killed.
///
/// Containers are created with SIGKILL as their stop signal, so a job that ended by itself never looks like this.
pub fn killed_from_outside(
    inspected: &Inspected,
    daemon_started: Option<f64>,
    killed_by_order: bool,
) -> bool {
    // Podman 5, after a reboot: exited with status 0, for the processes are gone, without an end that was seen.
    if let Some(started) = inspected.started_at
        && inspected.finished_at.is_none_or(|finished| finished + LATE_START_SECONDS < started)
    {
        return true;
    }
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
    killed_by_order || never_started || outlived(daemon_started) || outlived(Some(system_started()))
}

#[cfg(test)]
mod tests {
    use super::super::output::Status;
    use super::*;

    fn exited(code: i32) -> Inspected {
        let started_at = Some(system_started() + 100.0);
        Inspected {
            id: String::new(),
            mark: String::new(),
            status: Status::Exited,
            exit_code: code,
            oom_killed: false,
            pid: None,
            error: String::new(),
            started_at,
            finished_at: started_at.map(|started| started + 50.0),
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
    fn an_end_that_was_never_seen_is_no_success() {
        assert!(killed_from_outside(&Inspected { finished_at: None, ..exited(0) }, None, false));
        let ended = |before: f64| {
            let finished_at = exited(0).started_at.map(|started| started - before);
            killed_from_outside(&Inspected { finished_at, ..exited(0) }, None, false)
        };
        assert!(ended(3_600.0), "the end of an earlier life");
        assert!(!ended(5.0), "a job that ended before its start was noted");
        assert!(!killed_from_outside(&exited(0), None, false));
    }

    #[test]
    fn a_container_from_before_the_boot_was_killed_by_it() {
        let started = system_started() - 100.0;
        let old = Inspected { started_at: Some(started), finished_at: Some(started + 60.0), ..exited(137) };
        assert!(killed_from_outside(&old, None, false));
    }
}

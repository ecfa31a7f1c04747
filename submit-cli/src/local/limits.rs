//! Limits that BOINC's client enforces on a running task (`client/app_control.cpp`, `check_rsc_limits_exceeded`).

use super::exit::Failure;
use crate::campaign::exit_status as status;

/// Floating-point operations per second that the emulated client claims for a processor: what a client assumes before
/// it has measured. A real volunteer's computer is faster, so the time limit here is longer.
pub const HOST_FLOPS: f64 = 1e9;

/// Share of the memory that a client gives to jobs on an idle computer (`ram_max_used_idle_pct`).
const MEMORY_SHARE: f64 = 0.9;

/// The limits of a task.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wall time, seconds.
    pub elapsed_seconds: f64,
    /// Size of the slot, bytes.
    pub disk_bytes: u64,
    /// Memory for all jobs, bytes.
    pub memory_bytes: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Wall time, seconds.
    pub elapsed_seconds: f64,
    /// Size of the slot, bytes, if it was measured.
    pub disk_bytes: Option<u64>,
    /// Working set, bytes.
    pub memory_bytes: f64,
}

impl Limits {
    /// From the bounds of a workunit.
    pub fn new(flops_bound: f64, cpus: f64, disk_bytes: u64, host_memory_bytes: u64) -> Self {
        Self {
            elapsed_seconds: flops_bound / (HOST_FLOPS * cpus.max(1.0)),
            disk_bytes,
            memory_bytes: host_memory_bytes as f64 * MEMORY_SHARE,
        }
    }

    /// Why the task has to be aborted, if it has.
    pub fn exceeded(&self, usage: &Usage) -> Option<Failure> {
        const MB: f64 = 1e6;
        if usage.elapsed_seconds > self.elapsed_seconds {
            return Some(Failure {
                exit_status: status::TIME_LIMIT_EXCEEDED,
                cause: format!(
                    "exceeded elapsed time limit {:.2} s (flops_bound; raise resources.flops in app.toml)",
                    self.elapsed_seconds
                ),
            });
        }
        if usage.memory_bytes > self.memory_bytes {
            return Some(Failure {
                exit_status: status::MEM_LIMIT_EXCEEDED,
                cause: format!(
                    "working set larger than this computer's memory for jobs: {:.2} MB > {:.2} MB",
                    usage.memory_bytes / MB,
                    self.memory_bytes / MB
                ),
            });
        }
        let disk = usage.disk_bytes.filter(|bytes| *bytes > self.disk_bytes)?;
        Some(Failure {
            exit_status: status::DISK_LIMIT_EXCEEDED,
            cause: format!(
                "exceeded disk limit: {:.2} MB > {:.2} MB (raise resources.disk in app.toml)",
                disk as f64 / MB,
                self.disk_bytes as f64 / MB
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_its_exit_status() {
        let limits = Limits::new(100e9, 2.0, 1_000_000, 1_000_000_000);
        let fine = Usage { elapsed_seconds: 49.0, disk_bytes: Some(1_000_000), memory_bytes: 8e8 };
        assert_eq!(limits.exceeded(&fine), None);
        let exit_status = |usage: Usage| limits.exceeded(&usage).map(|failure| failure.exit_status);
        assert_eq!(exit_status(Usage { elapsed_seconds: 51.0, ..fine }), Some(197));
        assert_eq!(exit_status(Usage { disk_bytes: Some(1_000_001), ..fine }), Some(196));
        assert_eq!(exit_status(Usage { memory_bytes: 9.1e8, ..fine }), Some(198));
        assert_eq!(exit_status(Usage { disk_bytes: None, ..fine }), None);
    }
}

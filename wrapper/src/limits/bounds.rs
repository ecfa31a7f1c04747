//! How much a container may take.

use super::measure::DiskUse;

/// Memory of a job whose workunit has no bound (`rsc_memory_bound` is 0): 2 GB, or the host's memory if that is less.
pub const DEFAULT_MEMORY_BYTES: u64 = 2_000_000_000;

/// Disk space of a job whose workunit has no bound (`rsc_disk_bound` is 0): 10 GB.
pub const DEFAULT_DISK_BYTES: u64 = 10_000_000_000;

/// How much one container may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes and files that it writes.
    pub disk: DiskUse,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Processes and threads at a time.
    pub pids: u64,
}

/// The memory bound of a job: the workunit's `rsc_memory_bound`, else the default, within the policies' cap and, for the
/// default, the host's memory (0 if that is unknown).
pub fn memory_bound(rsc_memory_bound: f64, cap: Option<u64>, host_bytes: f64) -> u64 {
    let default = || whole(host_bytes).map_or(DEFAULT_MEMORY_BYTES, |host| host.min(DEFAULT_MEMORY_BYTES));
    let bound = whole(rsc_memory_bound).unwrap_or_else(default);
    cap.map_or(bound, |cap| cap.min(bound))
}

/// The disk bound of a job: the workunit's `rsc_disk_bound`, else the default.
pub fn disk_bound(rsc_disk_bound: f64) -> u64 {
    whole(rsc_disk_bound).unwrap_or(DEFAULT_DISK_BYTES)
}

fn whole(bytes: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workunit_without_bounds_gets_defaults() {
        assert_eq!(memory_bound(0.0, None, 0.0), DEFAULT_MEMORY_BYTES);
        assert_eq!(memory_bound(0.0, None, 8e9), DEFAULT_MEMORY_BYTES);
        assert_eq!(memory_bound(0.0, None, 1e9), 1_000_000_000);
        assert_eq!(memory_bound(f64::NAN, Some(5_000_000), 8e9), 5_000_000);
        assert_eq!(memory_bound(3e9, None, 1e9), 3_000_000_000);
        assert_eq!(memory_bound(3e9, Some(1_000_000_000), 8e9), 1_000_000_000);
        assert_eq!((disk_bound(0.0), disk_bound(5e6)), (DEFAULT_DISK_BYTES, 5_000_000));
    }
}

//! The properties of this computer that a client writes into init_data.xml.

use std::path::Path;

use boinc::platform::{free_space, host_name};

use crate::platform::kernel_release;

#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    pub ncpus: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of swap space.
    pub swap_bytes: u64,
    /// Size of the file system that the campaign is on, bytes.
    pub disk_total_bytes: u64,
    /// Free space there for a user, bytes.
    pub disk_free_bytes: u64,
    /// Programs can be started there, also by jobs.
    pub disk_executable: bool,
    /// As in `PRETTY_NAME` of /etc/os-release.
    pub os: String,
    pub kernel: String,
}

impl Host {
    /// Inspects this computer; `dir` is on the file system of the campaign.
    pub fn inspect(dir: &Path) -> Self {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let disk = free_space(dir);
        Self {
            name: host_name(),
            ncpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            memory_bytes: meminfo_bytes(&meminfo, "MemTotal"),
            swap_bytes: meminfo_bytes(&meminfo, "SwapTotal"),
            disk_total_bytes: disk.map_or(0, |disk| disk.total_bytes),
            disk_free_bytes: disk.map_or(0, |disk| disk.free_bytes),
            disk_executable: disk.is_none_or(|disk| disk.executable),
            os: pretty_name(&os_release).unwrap_or("Linux").to_owned(),
            kernel: kernel_release(),
        }
    }

    /// Number of jobs that can run in parallel, at least one.
    pub fn slots_for(&self, cpus: f64, memory_bytes: u64) -> u32 {
        let by_cpus = f64::from(self.ncpus) / cpus.max(1.0);
        let by_memory = self.memory_bytes as f64 / memory_bytes.max(1) as f64;
        (by_cpus.min(by_memory) as u32).max(1)
    }
}

fn meminfo_bytes(meminfo: &str, key: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

fn pretty_name(os_release: &str) -> Option<&str> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_files_are_read() {
        let meminfo = "MemTotal:       24684092 kB\nMemFree:         100 kB\nSwapTotal:       0 kB\n";
        assert_eq!(meminfo_bytes(meminfo, "MemTotal"), 24_684_092 * 1024);
        assert_eq!(meminfo_bytes(meminfo, "SwapTotal"), 0);
        assert_eq!(
            pretty_name("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            Some("Debian GNU/Linux 12 (bookworm)")
        );
    }

    #[test]
    fn jobs_fit_by_processors_and_by_memory() {
        let host = Host { ncpus: 8, memory_bytes: 16 << 30, ..Host::inspect(Path::new("/")) };
        assert_eq!(host.slots_for(1.0, 1 << 30), 8);
        assert_eq!(host.slots_for(0.1, 1 << 30), 8, "a slot for each processor at most");
        assert_eq!(host.slots_for(4.0, 1 << 30), 2);
        assert_eq!(host.slots_for(1.0, 5 << 30), 3);
        assert_eq!(host.slots_for(16.0, 32 << 30), 1, "one runs in any case");
    }
}

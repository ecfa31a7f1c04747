//! Memory of another process.

use std::fs;

/// The largest resident set that a process has had, in bytes. The kernel keeps it, but only while the process lives.
pub fn resident_peak_bytes(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

//! `/proc/PID/stat` of any process of this host (proc(5)). Everybody may read it.

use std::fs;
use std::path::Path;

/// The fields after the program's name, as they were at one moment.
#[derive(Clone, Debug)]
pub struct ProcessStat(String);

impl ProcessStat {
    /// Of the process with this id; `None` if there is none.
    pub fn of(pid: u32) -> Option<Self> {
        Self::read(Path::new(&format!("/proc/{pid}")))
    }

    /// Of the process with this directory in /proc.
    pub fn read(process: &Path) -> Option<Self> {
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        // The second field is the program's name in brackets and may itself hold brackets and spaces.
        let (_, rest) = stat.rsplit_once(')')?;
        Some(Self(rest.to_owned()))
    }

    /// One letter: `T` stopped by a signal, `Z` a zombie.
    pub fn state(&self) -> &str {
        self.field(0).unwrap_or_default()
    }

    /// The parent's id.
    pub fn parent(&self) -> Option<u32> {
        self.field(1)?.parse().ok()
    }

    /// Processor time of its own and of children it has waited for, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        (11..=14).map(|index| self.number(index)).sum::<f64>() / ticks_per_second()
    }

    /// Its threads, the first included.
    pub fn threads(&self) -> u64 {
        self.field(17).and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Start time in clock ticks since boot.
    pub fn start_ticks(&self) -> Option<u64> {
        self.field(19)?.parse().ok()
    }

    /// Start time in seconds since boot.
    pub fn start_seconds(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "ticks since boot are far below 2^52")]
        self.start_ticks().map(|ticks| ticks as f64 / ticks_per_second())
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let pages = self.field(21).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        pages * rustix::param::page_size() as u64
    }

    /// Counted from the state, which is field 3 of proc(5).
    fn field(&self, index: usize) -> Option<&str> {
        self.0.split_ascii_whitespace().nth(index)
    }

    fn number(&self, index: usize) -> f64 {
        self.field(index).and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a hundred as a rule")]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_is_read_from_proc() {
        let own = ProcessStat::read(Path::new("/proc/self")).unwrap();
        assert!(own.start_ticks().is_some_and(|ticks| ticks > 0));
        assert!(own.parent().is_some() && own.resident_bytes() > 0 && own.threads() > 0);
        assert_eq!(ProcessStat::of(std::process::id()).unwrap().start_ticks(), own.start_ticks());
    }
}

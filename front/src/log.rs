//! stderr.txt: lines of the front, and what the agent has written for it.

use std::fmt::Arguments;
use std::io::Write;
use std::time::Instant;

use boinc::error_chain::chain;
use boinc::file_error::FileError;
use boinc::visible::{visible, without_closers};

/// Writes a line. Like the wrapper's lines it starts with `buoy: `, control characters are visible, and it closes no
/// element of the files that the client copies it into.
pub fn say(text: Arguments<'_>) {
    let text = text.to_string();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    write(format!("buoy: {}\n", without_closers(&visible(&words))).as_bytes());
}

/// Says something in stderr.txt.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::log::say(format_args!($($text)*))
    };
}

/// Says that a file could not be written. There is nobody else to tell.
pub fn say_error<T>(written: Result<T, FileError>) {
    if let Err(error) = written {
        crate::say!("{}", chain(&error));
    }
}

fn write(bytes: &[u8]) {
    // On a full disk the job must continue.
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// What an agent may write at once.
const BURST_BYTES: f64 = 1_048_576.0;
/// And for how long, on average.
const BYTES_PER_SECOND: f64 = 4_096.0;

/// Writes what agents send for stderr.txt, within limits: the file counts as the job's disk use, and an agent with a bug
/// must not fill the volunteer's disk.
#[derive(Debug)]
pub struct AgentLog {
    allowed: f64,
    last: Instant,
    omitted: u64,
}

impl AgentLog {
    /// A log in which nothing has been written yet.
    pub fn new(now: Instant) -> Self {
        Self { allowed: BURST_BYTES, last: now, omitted: 0 }
    }

    /// Writes these bytes, or counts them if too many have come.
    pub fn write(&mut self, now: Instant, bytes: &[u8]) {
        if !self.allows(now, bytes.len()) {
            self.omitted += bytes.len() as u64;
            return;
        }
        self.report_omitted();
        write(bytes);
    }

    /// Says how many bytes are missing, if some are.
    pub fn report_omitted(&mut self) {
        let omitted = std::mem::take(&mut self.omitted);
        if omitted > 0 {
            crate::say!("{omitted} bytes of the agent's log were too many and are not shown");
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths of frames are small")]
    fn allows(&mut self, now: Instant, bytes: usize) -> bool {
        let earned = now.duration_since(self.last).as_secs_f64() * BYTES_PER_SECOND;
        self.last = now;
        self.allowed = (self.allowed + earned).min(BURST_BYTES);
        let allows = bytes as f64 <= self.allowed;
        if allows {
            self.allowed -= bytes as f64;
        }
        allows
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_and_a_long_life_is_not() {
        let mut now = Instant::now();
        let mut log = AgentLog::new(now);
        let written = (0..1_000).filter(|_| log.allows(now, 65_536)).count();
        assert_eq!(written, 16);
        now += Duration::from_secs(60);
        assert!(log.allows(now, 65_536), "what a job printed fits after a minute");
        for _ in 0..100_000 {
            now += Duration::from_secs(1);
            assert!(log.allows(now, 200));
        }
    }
}

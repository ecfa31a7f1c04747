//! `buoy` as it is shipped, measured as a whole process.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A run of `buoy`.
pub struct Run {
    pub seconds: f64,
    pub peak_bytes: f64,
    pub said: String,
}

/// Runs `buoy` so many times and gives the runs by duration, the quickest first.
pub fn buoy(times: usize, dir: &Path, args: &[&str]) -> Vec<Run> {
    let mut runs: Vec<Run> = (0..times).map(|_| once(dir, args)).collect();
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    runs
}

fn once(dir: &Path, args: &[&str]) -> Run {
    let said = dir.join("said");
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_buoy"))
        .args(args)
        .current_dir(dir)
        .env("BUOY_CONFIG_DIR", dir.join("config"))
        .env("XDG_CACHE_HOME", dir.join("cache"))
        .env("XDG_STATE_HOME", dir.join("state"))
        .stdout(File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let mut peak_bytes = 0.0;
    let status = loop {
        // The kernel keeps the peak, but only while the process lives.
        peak_bytes = resident_peak_bytes(child.id()).unwrap_or(peak_bytes);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "buoy {}: {status}", args.join(" "));
    Run { seconds, peak_bytes, said: fs::read_to_string(said).unwrap() }
}

/// The largest resident set that a process has had.
pub fn resident_peak_bytes(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

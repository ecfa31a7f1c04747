//! `buoy` as it is shipped, measured as a whole process.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::resident_peak_bytes;

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
        peak_bytes = resident_peak_bytes(child.id()).map_or(peak_bytes, |bytes| bytes as f64);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "buoy {}: {status}", args.join(" "));
    Run { seconds, peak_bytes, said: fs::read_to_string(said).unwrap() }
}

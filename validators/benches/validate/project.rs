//! A project's directories, and the shims run in it as the daemons run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boinc::names::fan_out::{FAN_OUT, fan_out};
use tempfile::TempDir;
use validators::submitter_rules::{physical_name, sha256};

use crate::run::resident_peak_bytes;

/// A project with a route for one science app.
pub struct Project {
    root: TempDir,
}

/// A run of a shim.
pub struct Run {
    pub code: Option<i32>,
    pub wall: Duration,
    /// Time on a processor.
    pub on_cpu: Duration,
    /// Largest resident memory, in bytes.
    pub peak_bytes: u64,
}

impl Project {
    /// A project whose app "bench" has one output and this `[validate]`.
    pub fn new(validate: &str) -> Self {
        let root = TempDir::with_prefix_in("validate", env!("CARGO_TARGET_TMPDIR")).unwrap();
        for directory in ["buoy", "tmp_host", "upload/21c"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let routes =
            format!("[app.bench]\noutputs = [{{ name = 'out' }}]\n[app.bench.validate]\n{validate}\n");
        fs::write(root.path().join("buoy/routes.toml"), routes).unwrap();
        Self { root }
    }

    /// A project that uses the rule files of bundles, with this one; and where the output of a result of the bundle is.
    pub fn with_rule(rule: &[u8]) -> (Self, PathBuf) {
        let project = Self::new("");
        let root = project.root.path();
        fs::write(root.join("buoy/routes.toml"), "[submitter_rules]\napps = ['bench']\n").unwrap();
        let hash = &sha256(rule)[..12];
        let name = physical_name(hash);
        let directory = root.join("download").join(fan_out(&name, FAN_OUT));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), rule).unwrap();
        let output = root.join(format!("upload/21c/bench-{hash}__b__j_0_r1_0"));
        (project, output)
    }

    /// Where the output of instance `n` of a workunit is.
    pub fn output(&self, n: u32) -> PathBuf {
        self.root.path().join(format!("upload/21c/bench-0123456789ab__b__j_{n}_r1_0"))
    }

    /// Runs a shim to its end and watches it.
    pub fn run(&self, shim: &str, files: &[&Path]) -> Run {
        let began = Instant::now();
        let mut child = self.command(shim, files).spawn().unwrap();
        let (mut on_cpu, mut peak_bytes) = (Duration::ZERO, 0);
        let status = loop {
            if let Ok(text) = fs::read_to_string(format!("/proc/{}/schedstat", child.id()))
                && let Some(nanoseconds) = text.split(' ').next().and_then(|word| word.parse().ok())
            {
                on_cpu = on_cpu.max(Duration::from_nanos(nanoseconds));
            }
            peak_bytes = peak_bytes.max(resident_peak_bytes(child.id()).unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        Run { code: status.code(), wall: began.elapsed(), on_cpu, peak_bytes }
    }

    /// Runs a shim to its end; from start to end nothing else is done.
    pub fn time(&self, shim: &str, files: &[&Path]) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let code = self.command(shim, files).status().unwrap().code();
        (code, began.elapsed())
    }

    fn command(&self, shim: &str, files: &[&Path]) -> Command {
        let program = match shim {
            "buoy-init" => env!("CARGO_BIN_EXE_buoy-init"),
            _ => env!("CARGO_BIN_EXE_buoy-compare"),
        };
        let mut command = Command::new(program);
        command.args(files).env_clear().current_dir(self.root.path().join("tmp_host"));
        command.env("BUOY_OUTAGE_SECONDS", "0").stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

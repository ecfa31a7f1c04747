//! What all measurements need: the job's program, slots that run it, a clock, and a clean engine afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use wrapper::engine::OWNER_LABEL;

use crate::support::{Engine, Running, Slot};

/// Images of this run carry it, with the process's id as value.
const LABEL: &str = "buoy.bench";

/// Everything is removed when it is dropped.
pub struct Workbench {
    pub engine: Engine,
    dir: TempDir,
}

impl Workbench {
    /// Compiles the job's program.
    pub fn new(engine: Engine) -> Self {
        let dir = tempfile::Builder::new().prefix("buoy-bench-").tempdir().unwrap();
        let compiled = Command::new("cc")
            .args(["-O2", "-static", "-s", "-o"])
            .arg(dir.path().join("job"))
            .arg(job_source())
            .status()
            .expect("a C compiler is installed");
        assert!(compiled.success(), "job.c can't be compiled to a static program");
        fs::create_dir(dir.path().join("state")).unwrap();
        Self { engine, dir }
    }

    /// The job's program.
    pub fn job_program(&self) -> PathBuf {
        self.dir.path().join("job")
    }

    /// The source of the job's program.
    pub fn source(&self) -> PathBuf {
        job_source()
    }

    /// A label by which an image is known as one of this run, and what makes it another one.
    pub fn label(&self, tag: &str) -> String {
        format!("{LABEL}=\"{}\" tag=\"{tag}\"", std::process::id())
    }

    /// A directory of its own for one measurement.
    pub fn dir(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        fs::create_dir(&dir).unwrap();
        dir
    }

    /// A Dockerfile for the job's program; `tag` makes the image another one.
    pub fn dockerfile(&self, tag: &str) -> String {
        format!(
            "FROM scratch\nCOPY job /job\nWORKDIR /app\nENTRYPOINT [\"/job\"]\nLABEL {}\n",
            self.label(tag)
        )
    }

    /// A slot whose job runs the program with these arguments.
    pub fn slot(&self, tag: &str, arguments: [&str; 2]) -> Slot {
        let mut slot = self.empty_slot();
        slot.copy("Dockerfile", &self.dockerfile(tag));
        slot.copy("job.toml", "pass_args = \"both\"\nbuild_files = [\"job\"]\n");
        let physical = slot.project.join("phys_job");
        fs::copy(self.job_program(), physical).unwrap();
        slot.link("job", "phys_job");
        for argument in arguments {
            slot.argument(argument);
        }
        slot
    }

    /// A slot without any file of a job, whose images are those of this run of the benchmark.
    pub fn empty_slot(&self) -> Slot {
        let mut slot = Slot::empty(self.engine);
        slot.images = Some(self.images_dir());
        slot
    }

    /// Where the wrappers of this run keep track of images: nothing is there that an earlier run has made.
    pub fn images_dir(&self) -> PathBuf {
        self.state_dir().join("buoy")
    }

    /// In place of the user's `~/.local/state`, below which `buoy run` keeps track of images.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// What marks the images and containers of this run.
    pub fn owner(&self) -> String {
        fs::read_to_string(self.images_dir().join("owner")).unwrap_or_default()
    }

    /// Has the image built, so that what follows finds it.
    pub fn warm(&self, tag: &str) {
        self.slot(tag, ["stamp", "1"]).run().assert_success();
    }

    /// A submitter's program, built with `--release`.
    pub fn program(&self, name: &str) -> PathBuf {
        let target = Path::new(env!("CARGO_BIN_EXE_buoy-wrapper")).ancestors().nth(2).unwrap();
        let path = target.join("release").join(name);
        assert!(path.is_file(), "{name} is not built: cargo build --release --workspace --bins");
        path
    }

    /// One line on where this was measured.
    pub fn describe_machine(&self) {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = read("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let version = match self.engine {
            Engine::Docker => {
                self.engine.run(&["version", "--format", "{{.Server.Version}} (CLI {{.Client.Version}})"])
            }
            Engine::Podman | Engine::RootlessPodman => {
                self.engine.run(&["version", "--format", "{{.Client.Version}}"])
            }
        };
        println!(
            "{} processors, {} GB, Linux {}, {} {version}; load now {}\n",
            thread::available_parallelism().map_or(0, usize::from),
            memory.unwrap_or(0) >> 20,
            read("/proc/sys/kernel/osrelease").trim(),
            self.engine.program(),
            read("/proc/loadavg").split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" "),
        );
    }
}

fn job_source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bars/job.c")
}

impl Drop for Workbench {
    fn drop(&mut self) {
        let owner = self.owner();
        let mut filters = vec![format!("label={LABEL}={}", std::process::id())];
        if !owner.is_empty() {
            filters.push(format!("label={OWNER_LABEL}={owner}"));
        }
        for filter in filters {
            // Containers carry their image's labels. There are some only if a measurement broke off.
            let left = self.engine.try_run(&["ps", "--all", "--quiet", "--filter", &filter]);
            for container in String::from_utf8_lossy(&left.stdout).split_ascii_whitespace() {
                let _ = self.engine.try_run(&["rm", "--force", container]);
            }
            let ours = self.engine.try_run(&["image", "ls", "--quiet", "--filter", &filter]);
            for image in String::from_utf8_lossy(&ours.stdout).split_ascii_whitespace() {
                let _ = self.engine.try_run(&["image", "rm", "--force", image]);
            }
        }
    }
}

/// CLOCK_MONOTONIC in seconds, which containers share with the host.
pub fn now_seconds() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// The first and the last act of a job that stamped them, in seconds of the same clock.
pub fn stamps(path: &Path) -> (f64, f64) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut times = text.split_ascii_whitespace().map(|word| word.parse::<f64>().unwrap() / 1e9);
    (times.next().unwrap(), times.next().unwrap())
}

/// Polls every millisecond, for two minutes at most.
pub fn await_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "waited two minutes for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until the job writes its first file.
pub fn await_job(slot: &Slot, running: &mut Running, file: &str) {
    await_until("the job's start", || {
        running.take_status();
        assert!(running.finish().is_none(), "the job is over already: {}", slot.stderr());
        slot.work(file).exists()
    });
}

/// The most memory that a process has had so far; `None` when it is gone.
pub fn resident_peak_bytes(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

/// A different figure at each call, from 0 up to 1.
pub fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

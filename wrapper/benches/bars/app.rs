//! A science app around the measured job, and `buoy` to run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::engine_log::EngineLog;
use crate::workbench::Workbench;

/// A directory with app.toml, a table of jobs and a place for results.
pub struct App {
    dir: PathBuf,
    buoy: PathBuf,
    state: PathBuf,
    engine: &'static str,
}

impl App {
    /// Jobs that all run the program with these arguments.
    pub fn new(bench: &Workbench, name: &str, arguments: &str) -> Self {
        let dir = bench.dir(name);
        fs::copy(bench.job_program(), dir.join("job")).unwrap();
        fs::write(dir.join("Dockerfile"), bench.dockerfile("app")).unwrap();
        let text = format!(
            "name = \"bench\"\nversion = \"1\"\nsummary = \"Measured by the benchmark\"\n\
             [image]\nfiles = [\"job\"]\n[run]\ncommand = \"{arguments}\"\n\
             [[output]]\nname = \"stamps\"\nmax_size = \"1 kB\"\n\
             [resources]\nflops = 1e9\nmemory = \"64 MB\"\ndisk = \"10 MB\"\ndeadline = \"1 day\"\n\
             [replication]\nquorum = 1\n"
        );
        fs::write(dir.join("app.toml"), text).unwrap();
        Self { dir, buoy: bench.program("buoy"), state: bench.state_dir(), engine: bench.engine.program() }
    }

    /// Runs `count` jobs at two a time, results in `out`.
    pub fn run(&self, count: usize, out: &str, log: Option<&EngineLog>) {
        let output = self.command(count, out, log).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "buoy run: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the same, and writes what happens as JSON to `events`.
    pub fn start(&self, count: usize, out: &str, log: &EngineLog, events: &Path) -> Child {
        let file = fs::File::options().create(true).append(true).open(events).unwrap();
        let mut command = self.command(count, out, Some(log));
        command.arg("--json").stdout(file).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The directory of results.
    pub fn out(&self, out: &str) -> PathBuf {
        self.dir.join(out)
    }

    fn command(&self, count: usize, out: &str, log: Option<&EngineLog>) -> Command {
        let table: String = (1..=count).map(|n| format!("job-{n}\n")).collect();
        fs::write(self.dir.join(format!("jobs-{count}.csv")), format!("name\n{table}")).unwrap();
        let batch = format!("name = \"bench\"\n[jobs]\ntable = \"jobs-{count}.csv\"\nname = \"{{name}}\"\n");
        let jobs = self.dir.join(format!("batch-{count}.toml"));
        fs::write(&jobs, batch).unwrap();
        let mut command = Command::new(&self.buoy);
        command.arg("run").arg(&self.dir).arg(&jobs).arg("--out").arg(self.out(out));
        command.args(["--slots", "2", "--engine", self.engine]);
        command.env("XDG_STATE_HOME", &self.state);
        if let Some(log) = log {
            command.env("PATH", log.path());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

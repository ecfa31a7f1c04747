//! A BOINC project's directories around the shims.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The bundle whose outputs the tests use.
pub const BUNDLE: &str = "vina-0123456789ab";

/// A route for two outputs, poses.pdbqt and an optional log.txt.
pub const ROUTE: &str = "\
[[app.vina.outputs]]
name = 'poses.pdbqt'
max_bytes = 1000
[[app.vina.outputs]]
name = 'log.txt'
optional = true
[app.vina.validate]
rule = 'numbers'
absolute = 0.01
ignore_lines = ['^REMARK time']
[[app.vina.validate.output]]
name = 'log.txt'
rule = 'ignore'
";

/// The workunit of this job.
pub fn workunit(job: &str) -> String {
    format!("{BUNDLE}__b1__{job}")
}

/// A project with the three programs in bin/ and nothing else but empty directories.
pub struct Project {
    root: TempDir,
}

/// What a shim answered.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub log: String,
}

impl Project {
    pub fn new(routes: &str) -> Self {
        let project = Self { root: TempDir::with_prefix("project").unwrap() };
        for directory in ["bin", "buoy", "tmp_host", "upload/21c"] {
            fs::create_dir_all(project.path(directory)).unwrap();
        }
        for (name, program) in [
            ("buoy-init", env!("CARGO_BIN_EXE_buoy-init")),
            ("buoy-compare", env!("CARGO_BIN_EXE_buoy-compare")),
            ("buoy-assimilate", env!("CARGO_BIN_EXE_buoy-assimilate")),
        ] {
            symlink(program, project.path("bin").join(name)).unwrap();
        }
        project.write("buoy/routes.toml", routes);
        project
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub fn write(&self, relative: &str, contents: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Path of output `i` of instance `n` of the workunit, where the server puts it.
    pub fn output(&self, workunit: &str, n: u32, i: u32) -> String {
        self.path(&format!("upload/21c/{workunit}_{n}_r1006{n}_{i}")).to_str().unwrap().to_owned()
    }

    /// Writes an output and gives its path.
    pub fn upload(&self, workunit: &str, n: u32, i: u32, contents: &str) -> String {
        let path = self.output(workunit, n, i);
        fs::write(&path, contents).unwrap();
        path
    }

    /// Uploads poses.pdbqt of two results of a workunit, and gives the line to compare them; log.txt may be there or not.
    pub fn two_results(&self, workunit: &str, first: &str, second: &str) -> String {
        let first = self.upload(workunit, 0, 0, first);
        let second = self.upload(workunit, 1, 0, second);
        let logs = [0, 1].map(|n| self.output(workunit, n, 1));
        format!("buoy-compare  {first} {} {second} {}", logs[0], logs[1])
    }

    /// Uploads an output of the job's canonical result, and gives the line that hands it over; log.txt may be there or not.
    pub fn handed_over(&self, job: &str, contents: &str) -> String {
        let wu = workunit(job);
        self.upload(&wu, 1, 0, contents);
        format!("buoy-assimilate  26 {} {}", self.output(&wu, 1, 0), self.output(&wu, 1, 1))
    }

    /// Runs a command line as the daemons do, with no time for waiting.
    pub fn run(&self, line: &str) -> Answer {
        self.run_with(line, |_| {})
    }

    /// Runs a command line of the assimilator, which leaves no process behind.
    pub fn run_inline(&self, line: &str) -> Answer {
        self.run_with(line, |command| _ = command.env("BUOY_SPOOL_INLINE", "1"))
    }

    /// Runs a command line with 64 MB of address space.
    pub fn run_limited(&self, line: &str) -> Answer {
        self.run_shell(&format!("ulimit -v 65536; ../bin/{line}"), |_| {})
    }

    /// Runs a command line of a daemon that has limits of its own, as `ulimit` takes them.
    pub fn run_with_limit(&self, limit: &str, line: &str) -> Answer {
        self.run_shell(&format!("ulimit {limit}; ../bin/{line}"), |_| {})
    }

    /// Runs a command line after `change`.
    pub fn run_with(&self, line: &str, change: impl FnOnce(&mut Command)) -> Answer {
        self.run_shell(&format!("../bin/{line}"), change)
    }

    fn run_shell(&self, script: &str, change: impl FnOnce(&mut Command)) -> Answer {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().current_dir(self.path("tmp_host"));
        command.env("BUOY_OUTAGE_SECONDS", "0");
        command.stdin(std::process::Stdio::null());
        change(&mut command);
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert!(stdout.is_empty(), "a shim has nothing to say on its output");
        let log = String::from_utf8(stderr).unwrap().replace(self.root.path().to_str().unwrap(), "PROJECT");
        Answer { code: status.code(), log }
    }

    /// Writes an executable shell script and gives its path.
    pub fn script(&self, relative: &str, body: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        self.write(relative, &format!("#!/bin/sh\n{body}\n"));
        let path = self.path(relative);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Waits until `is_so`; what a process in the background does cannot be waited for otherwise.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.files("buoy"));
            std::thread::yield_now();
        }
    }

    /// Items that wait in the spool.
    pub fn spooled(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path("buoy/spool/waiting"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// All files below a directory, sorted, relative to it.
    pub fn files(&self, relative: &str) -> Vec<String> {
        fn walk(top: &Path, directory: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(top, &path, found);
                } else {
                    found.push(path.strip_prefix(top).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        let top = self.path(relative);
        let mut found = Vec::new();
        walk(&top, &top, &mut found);
        found.sort();
        found
    }
}

impl Answer {
    #[track_caller]
    pub fn is(&self, code: i32, log: &str) {
        assert_eq!((self.code, self.log.as_str()), (Some(code), log));
    }

    #[track_caller]
    pub fn has(&self, code: i32, part: &str) {
        assert!(self.code == Some(code) && self.log.contains(part), "expected {code} {part:?}: {self:?}");
    }
}

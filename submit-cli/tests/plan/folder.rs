//! A folder with a science app, and `buoy` run in it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A science app that is good, in the working directory of the commands.
pub struct Folder {
    dir: TempDir,
}

/// What a command left.
#[must_use]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

const APP: &str = r#"name = "dock"
version = "1.0.0"

[image]
files = ["dock.sh"]

[run]
command = "--ligand ligand.pdbqt --seed {seed}"

[[input]]
name = "receptor.pdbqt"
shared = true
file = "receptor.pdbqt"

[[input]]
name = "ligand.pdbqt"

[[output]]
name = "poses.pdbqt"
max_size = "1 MB"
"#;

impl Folder {
    /// app.toml with a shared input, a per-job input and `{seed}` in its command; jobs.csv with two jobs.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
            .with("app.toml", APP)
            .with("Dockerfile", "FROM debian:bookworm-slim\nCOPY dock.sh /usr/local/bin/\n")
            .with("dock.sh", "#!/bin/sh\n")
            .with("receptor.pdbqt", "receptor\n")
            .with("a.pdbqt", "ligand a\n")
            .with("b.pdbqt", "ligand b\n")
            .with("jobs.csv", "ligand,seed\na.pdbqt,1\nb.pdbqt,2\n")
    }

    /// Writes a file.
    pub fn with(self, path: &str, text: &str) -> Self {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    /// Removes a file.
    pub fn without(self, path: &str) -> Self {
        fs::remove_file(self.path(path)).unwrap();
        self
    }

    /// Replaces a piece of a file, which must be there.
    #[track_caller]
    pub fn replace(self, path: &str, from: &str, to: &str) -> Self {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.with(path, &text.replace(from, to))
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The folder and all that is in it.
    pub fn tree(&self) -> Vec<PathBuf> {
        let mut found = vec![self.path("")];
        let mut next = 0;
        while let Some(path) = found.get(next).cloned() {
            next += 1;
            found.extend(fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()));
        }
        found
    }

    pub fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap()
    }

    /// Runs `buoy` with arguments parted by spaces.
    pub fn buoy(&self, args: &str) -> Ran {
        self.run(&args.split(' ').collect::<Vec<_>>())
    }

    /// Runs `buoy`.
    pub fn run(&self, args: &[&str]) -> Ran {
        let mut command = std::process::Command::cargo_bin("buoy").unwrap();
        let output = command.args(args).current_dir(self.dir.path()).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Packs into `out` and gives the lines of its jobs.
    #[track_caller]
    pub fn packed_jobs(&self, args: &[&str]) -> Vec<String> {
        let args: Vec<&str> = ["pack"].iter().chain(args).chain(&["-o", "out"]).copied().collect();
        self.run(&args).good();
        self.read("out/jobs.txt").lines().map(str::to_owned).collect()
    }

    /// The packed template of a kind, `in` or `out`.
    pub fn template(&self, kind: &str) -> String {
        let ending = format!("_{kind}.xml");
        let entries = fs::read_dir(self.path("out/templates")).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.to_str().unwrap().ends_with(&ending)).unwrap();
        fs::read_to_string(path).unwrap()
    }
}

impl Ran {
    /// Ended well; gives stdout.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// Refused as bad input; gives stderr.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        self.stderr
    }
}

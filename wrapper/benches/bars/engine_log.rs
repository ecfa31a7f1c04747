//! An engine that notes each of its commands: a script of its name, first on PATH, in front of the real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::Engine;

/// A file for each command, its words ended by 0x1f, numbered by the time of its start; for a copy into a container also
/// the number of bytes that go into it.
const SCRIPT: &str = r#"#!/bin/sh
number=$(date +%s%N).$$
printf '%s\037' "$@" > "LOG/call.$number"
case "$1 $2 $3" in
"cp - "* | "cp -a=false - "*) tee "LOG/copied.$number" | REAL "$@"; exit ;;
esac
exec REAL "$@"
"#;

/// What the names of containers that build an image begin with.
const BUILD_CONTAINER: &str = "buoy-build-";

/// The log, and the script's directory.
pub struct EngineLog {
    dir: TempDir,
}

impl EngineLog {
    pub fn new(engine: Engine) -> Self {
        let dir = tempfile::Builder::new().prefix("buoy-bench-log-").tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let text = SCRIPT
            .replace("LOG", dir.path().to_str().unwrap())
            .replace("REAL", real_program(engine).to_str().unwrap());
        let script = bin.join(engine.program());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    /// The PATH to run programs with.
    pub fn path(&self) -> String {
        format!("{}:{}", self.dir.path().join("bin").display(), std::env::var("PATH").unwrap())
    }

    /// All commands so far, in the order of their starts.
    pub fn calls(&self) -> Vec<Vec<String>> {
        self.files("call.").iter().map(|path| words(&fs::read_to_string(path).unwrap())).collect()
    }

    /// Commands that begin with this verb.
    pub fn calls_of(&self, verb: &str) -> Vec<Vec<String>> {
        self.calls().into_iter().filter(|call| call.first().is_some_and(|word| word == verb)).collect()
    }

    /// The commands that created containers of jobs, not those of builds.
    pub fn job_containers(&self) -> Vec<Vec<String>> {
        let of_build = |call: &Vec<String>| call.iter().any(|word| word.starts_with(BUILD_CONTAINER));
        self.calls_of("create").into_iter().filter(|call| !of_build(call)).collect()
    }

    /// How many images were started to be built: numbers of commands that name the result.
    pub fn named_commits(&self) -> usize {
        let commits = self.calls_of("commit");
        commits.iter().filter(|call| call.iter().any(|word| word.starts_with("ENTRYPOINT "))).count()
    }

    /// The most bytes that went into a container of a build by one copy.
    pub fn largest_copy(&self) -> u64 {
        let sizes = self.files("copied.").into_iter().map(|path| fs::metadata(path).unwrap().len());
        sizes.max().unwrap_or(0)
    }

    fn files(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
        let mut files: Vec<PathBuf> = entries.filter(named).collect();
        files.sort();
        files
    }
}

fn words(text: &str) -> Vec<String> {
    text.trim_end_matches('\x1f').split('\x1f').map(str::to_owned).collect()
}

/// The engine's program on PATH.
pub fn real_program(engine: Engine) -> PathBuf {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|dir| Path::new(dir).join(engine.program())).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{} is not on PATH", engine.program()))
}

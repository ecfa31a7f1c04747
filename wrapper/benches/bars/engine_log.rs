//! An engine that notes each of its commands: a script of its name, first on PATH, in front of the real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::Engine;

/// A file for each command, its words ended by 0x1f; for a build also the list of its context.
const SCRIPT: &str = r#"#!/bin/sh
printf '%s\037' "$@" > "LOG/call.$$"
if [ "$1" = build ]; then
    for context; do :; done
    ls -lR "$context" > "LOG/context.$$"
fi
exec REAL "$@"
"#;

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
            .replace("REAL", real(engine).to_str().unwrap());
        let script = bin.join(engine.program());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    /// The PATH to run programs with.
    pub fn path(&self) -> String {
        format!("{}:{}", self.dir.path().join("bin").display(), std::env::var("PATH").unwrap())
    }

    /// All commands so far, in no order.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let mut calls: Vec<Vec<String>> = self.files("call.").iter().map(|text| words(text)).collect();
        calls.sort();
        calls
    }

    /// Commands that begin with this verb.
    pub fn calls_of(&self, verb: &str) -> Vec<Vec<String>> {
        self.calls().into_iter().filter(|call| call.first().is_some_and(|word| word == verb)).collect()
    }

    /// Listings of the build contexts.
    pub fn contexts(&self) -> Vec<String> {
        self.files("context.")
    }

    fn files(&self, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
        entries.filter(named).map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

fn words(text: &str) -> Vec<String> {
    text.trim_end_matches('\x1f').split('\x1f').map(str::to_owned).collect()
}

fn real(engine: Engine) -> PathBuf {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|dir| Path::new(dir).join(engine.program())).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{} is not on PATH", engine.program()))
}

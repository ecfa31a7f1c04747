//! Telling somebody: a line in a file, and a command of the admin's.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use boinc::calendar::utc;
use serde::{Deserialize, Serialize};

use crate::log_line::{self, log_line};
use crate::script::host;
use crate::script::{Limits, Program};

/// `[alert]` of the routes file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSpec {
    /// A program and its arguments; it gets the text as one more argument and on its standard input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// An alert that takes longer than this is given up.
const COMMAND_SECONDS: u64 = 10;

/// The file is put aside when it is larger than this.
const FILE_BYTES: u64 = 10 << 20;

/// Raises an alert: a line in `file`, which is beside routes.toml, and the admin's command, whose relative program starts at
/// `base` and works in `work`; what went wrong with that, in words.
pub fn raise(spec: &AlertSpec, file: &Path, base: &Path, work: &Path, now: f64, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = append(file, now, text) {
        problems.push(format!("failed to write the alert to {}: {error}", file.display()));
    }
    let text = &*log_line(text);
    let Some(program) = Program::of_admin(&spec.command, &[text], base, text.as_bytes()) else {
        return problems;
    };
    let limits = Limits { timeout: Duration::from_secs(COMMAND_SECONDS), ..Limits::default() };
    let failure = match host::run(&program, &limits, work) {
        Ok(ended) if ended.code == Ok(0) => None,
        Ok(ended) => Some(ended.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let path = program.path.display();
    problems.extend(failure.map(|why| format!("alert command {path} failed: {why}")));
    problems
}

fn append(path: &Path, now: f64, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // One write for one line: several shims append at once.
    let line = format!("{} {}\n", utc(now), log_line(text));
    log_line::open(path, FILE_BYTES)?.write_all(line.as_bytes())
}

/// The default file, for routes at this path.
pub fn alert_file(routes_toml: &Path) -> PathBuf {
    routes_toml.with_file_name("alerts.log")
}

//! Telling somebody: a line in a file, and a command of the admin's.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use boinc::calendar::utc;
use serde::{Deserialize, Serialize};

use crate::log_line::log_line;
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

/// Where alerts go.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// The file that gets a line for each; beside routes.toml.
    pub file: PathBuf,
    /// The admin's wishes.
    pub spec: AlertSpec,
    /// Where relative programs are looked for.
    pub base: PathBuf,
    /// Where the command may work.
    pub work: PathBuf,
}

impl Alerts {
    /// Raises one; what went wrong with that, in words.
    pub fn raise(&self, now: f64, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = self.append(now, text) {
            problems.push(format!("failed to write the alert to {}: {error}", self.file.display()));
        }
        let text = &*log_line(text);
        let program = Program::of_admin(&self.spec.command, &[text], &self.base, text.as_bytes());
        let Some(program) = program else { return problems };
        let limits = Limits { timeout: Duration::from_secs(COMMAND_SECONDS), ..Limits::default() };
        match host::run(&program, &limits, &self.work) {
            Ok(ended) if ended.code == Ok(0) => {}
            Ok(ended) => problems.push(format!("alert command {} failed: {ended}", program.path.display())),
            Err(error) => problems.push(format!("alert command {} failed: {error}", program.path.display())),
        }
        problems
    }

    fn append(&self, now: f64, text: &str) -> io::Result<()> {
        if let Some(directory) = self.file.parent() {
            fs::create_dir_all(directory)?;
        }
        if self.file.metadata().is_ok_and(|metadata| metadata.len() > FILE_BYTES) {
            fs::rename(&self.file, self.file.with_extension("log.1"))?;
        }
        // One write for one line: several shims append at once.
        let line = format!("{} {}\n", utc(now), log_line(text));
        File::options().create(true).append(true).open(&self.file)?.write_all(line.as_bytes())
    }
}

/// The default file, for routes at this path.
pub fn alert_file(routes_toml: &Path) -> PathBuf {
    routes_toml.with_file_name("alerts.log")
}

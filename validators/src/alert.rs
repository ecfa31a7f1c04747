//! Telling somebody: a line in a file, and a command of the admin's.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
            problems.push(format!("{}: cannot write the alert: {error}", self.file.display()));
        }
        let Some((program, arguments)) = self.spec.command.split_first() else { return problems };
        let arguments = arguments.iter().map(String::as_str).chain([text]).map(OsString::from).collect();
        let program = Program {
            path: host::resolve(&self.base, program),
            arguments,
            environment: Vec::new(),
            input: text.as_bytes().to_vec(),
        };
        let limits = Limits { timeout: Duration::from_secs(COMMAND_SECONDS), ..Limits::default() };
        match host::run(&program, &limits, &self.work) {
            Ok(ended) if ended.code == Ok(0) => {}
            Ok(ended) => problems.push(format!("alert command {}: {ended}", program.path.display())),
            Err(error) => problems.push(format!("alert command {}: {error}", program.path.display())),
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
        let line = format!("{} {}\n", utc(now), text.replace(char::is_control, " "));
        File::options().create(true).append(true).open(&self.file)?.write_all(line.as_bytes())
    }
}

/// The default file, for routes at this path.
pub fn file_beside(routes_toml: &Path) -> PathBuf {
    routes_toml.with_file_name("alerts.log")
}

/// A time as `2026-08-21T12:00:00Z`.
pub fn utc(seconds: f64) -> String {
    // Days from civil dates, backwards; exact for all times after 1970.
    let total = seconds.max(0.0) as u64;
    let (day, rest) = (total / 86_400, total % 86_400);
    let era_day = day + 719_468;
    let era = era_day / 146_097;
    let of_era = era_day % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (1_709_164_799.9, "2024-02-28T23:59:59Z"),
            (1_735_689_600.0, "2025-01-01T00:00:00Z"),
            (4_107_542_399.0, "2100-02-28T23:59:59Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}

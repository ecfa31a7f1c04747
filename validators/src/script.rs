//! Scripts of the admin's, and of submitters: how they are called, what their exit means, where they run.

pub mod container;
pub mod extra_outputs;
pub mod host;
mod request;
mod traced;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use boinc::error_chain::chain;
use boinc::visible::visible;
use serde::{Deserialize, Serialize};

use crate::bounds::MOST_WORDS;

pub use crate::platform::Limits;
pub use request::{Purpose, Request, RequestExtraOutput, RequestOutput, RequestResult};

/// `[app.….script]` of the routes file: programs in place of the built-in rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptSpec {
    /// Program and arguments that look at one result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init: Vec<String>,
    /// Program and arguments that look at two results whose bytes differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<String>,
    /// Program and arguments that get each canonical result, and each failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assimilate: Vec<String>,
    /// Names of files that `assimilate` may fill, see [`made`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_outputs: Vec<String>,
    /// Exit codes as BOINC's own scripts have them: whatever is not 0, 3 or 75 means "invalid".
    #[serde(default)]
    pub legacy: bool,
    /// An image to run them in, in a container without network; without it they run on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Ended after this.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u32,
    /// Memory of each process, in megabytes (1,000,000 bytes); of all together in a container.
    #[serde(default = "default_memory")]
    pub memory_mb: u32,
    /// Largest file that it writes, what it prints included, in megabytes.
    #[serde(default = "default_output")]
    pub output_mb: u32,
}

/// Bytes of all words of a command.
const MOST_COMMAND_BYTES: usize = 64 << 10;

fn default_timeout() -> u32 {
    60
}

fn default_memory() -> u32 {
    1_000
}

fn default_output() -> u32 {
    100
}

impl ScriptSpec {
    /// The command for a purpose; empty if there is none.
    pub fn command(&self, purpose: Purpose) -> &[String] {
        match purpose {
            Purpose::Init => &self.init,
            Purpose::Compare => &self.compare,
            Purpose::Assimilate => &self.assimilate,
        }
    }

    /// What is wrong with it, in words.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let all = [("init", &self.init), ("compare", &self.compare), ("assimilate", &self.assimilate)];
        for (key, words) in all {
            let bytes: usize = words.iter().map(String::len).sum();
            if words.len() > MOST_WORDS || bytes > MOST_COMMAND_BYTES {
                errors.push(format!(
                    "script.{key}: {} words of {bytes} bytes, at most {MOST_WORDS} of {MOST_COMMAND_BYTES} are accepted",
                    words.len()
                ));
            }
            if words.first().is_some_and(String::is_empty) || words.iter().any(|word| word.contains('\0')) {
                errors.push(format!("script.{key}: a program and its arguments are needed, without NUL"));
            }
        }
        if all.iter().all(|(_, words)| words.is_empty()) {
            errors.push("script: one of init, compare and assimilate is needed".to_owned());
        }
        if self.assimilate.is_empty() && !self.extra_outputs.is_empty() {
            errors.push("script.extra_outputs: has no effect without assimilate".to_owned());
        }
        for (key, value) in [
            ("timeout_seconds", self.timeout_seconds),
            ("memory_mb", self.memory_mb),
            ("output_mb", self.output_mb),
        ] {
            if value == 0 {
                errors.push(format!("script.{key}: 0 is not accepted, at least 1 is required"));
            }
        }
        errors
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        Limits {
            timeout: Duration::from_secs(u64::from(self.timeout_seconds)),
            memory_bytes: u64::from(self.memory_mb) * 1_000_000,
            output_bytes: u64::from(self.output_mb) * 1_000_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        ScriptSpec { timeout_seconds: 60, memory_mb: 1_000, output_mb: 100, ..ScriptSpec::default() }.limits()
    }
}

/// Scripts, ready to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What was written.
    pub spec: ScriptSpec,
    /// Where they run.
    pub runs_in: RunsIn,
}

/// Where scripts run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunsIn {
    /// On this host; a relative program starts at this directory, that of routes.toml.
    Host {
        /// The directory.
        base: PathBuf,
    },
    /// In a container without network.
    Container(container::Sandbox),
    /// Nowhere: what it asks for is not allowed, and why.
    Forbidden(String),
}

/// A program to be run on this host.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Added to the few variables that it gets.
    pub environment: Vec<(String, OsString)>,
    /// Its standard input.
    pub input: Vec<u8>,
}

impl Program {
    /// A command of the routes file, which gets `more` behind its own arguments and nothing in its environment; a relative
    /// program starts at `base`. `None` if the command is empty.
    pub(crate) fn of_admin(command: &[String], more: &[&str], base: &Path, input: &[u8]) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        let arguments = arguments.iter().map(String::as_str).chain(more.iter().copied());
        Some(Self {
            path: host::resolve(base, program),
            arguments: arguments.map(OsString::from).collect(),
            environment: Vec::new(),
            input: input.to_vec(),
        })
    }
}

/// What came of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit 0: acceptable, the same, done.
    Good,
    /// Exit 10: not acceptable, different. The last that it said.
    Bad(String),
    /// Exit 75 or 3: it cannot say yet. The last that it said.
    Later(String),
    /// Everything else: nothing can be said about any result.
    Broken {
        /// How it came to that.
        end: End,
        /// The same in words.
        how: String,
    },
}

/// How a broken script has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with an exit code that means nothing.
    Exit,
    /// By a signal, or at one of its limits.
    Killed,
    /// It did not even begin.
    NotStarted,
}

/// Sorts an exit; `said` is the last that the script printed.
pub fn outcome(code: Result<i32, String>, said: &str, legacy: bool) -> Outcome {
    let line = said.to_owned();
    let broken = |end, how: String| {
        let how = if said.is_empty() { how } else { format!("{how}: {said}") };
        Outcome::Broken { end, how }
    };
    match code {
        Ok(0) => Outcome::Good,
        Ok(3 | 75) => Outcome::Later(line),
        Ok(10) => Outcome::Bad(line),
        // The shell's codes for a program that can't be run, is missing, or died by a signal.
        Ok(code @ 126..=127) => broken(End::NotStarted, format!("exit {code}")),
        Ok(code @ 128..=192) => broken(End::Killed, format!("exit {code}")),
        // Others are a program's own: PHP's and Perl's for an error that nobody catches is 255.
        Ok(code @ 193..) => broken(End::Exit, format!("exit {code}")),
        Ok(_) if legacy => Outcome::Bad(line),
        Ok(code) => broken(
            End::Exit,
            format!(
                "exit {code} (0 good, 10 bad, 75 later; anything else is a broken script, unless legacy = true)"
            ),
        ),
        Err(how) => broken(End::Killed, how),
    }
}

impl Script {
    /// Runs the script for a request, if there is one for its purpose.
    ///
    /// `state` is a directory of ours: the script's working directory is made in it.
    pub fn run(&self, request: &Request, state: &Path) -> Option<Outcome> {
        let (program, arguments) = self.spec.command(request.purpose).split_first()?;
        let limits = self.spec.limits();
        let ended = match &self.runs_in {
            RunsIn::Host { base } => {
                let path = host::resolve(base, program);
                let program = Program {
                    arguments: arguments.iter().map(OsString::from).chain(request.positional()).collect(),
                    environment: request.environment(),
                    input: request.json(),
                    path,
                };
                host::run(&program, &limits, &state.join("work"))
                    .map_err(|error| format!("{}: {error}", program.path.display()))
            }
            RunsIn::Container(sandbox) => {
                sandbox.run(program, arguments, request, &limits, state).map_err(|error| chain(&error))
            }
            RunsIn::Forbidden(why) => Err(why.clone()),
        };
        Some(match ended {
            Ok(ended) => outcome(ended.code, &ended.said, self.spec.legacy),
            Err(how) => Outcome::Broken { end: End::NotStarted, how },
        })
    }
}

impl Script {
    /// Whether the program for a purpose could be run, without running it; `None` if there is none.
    ///
    /// # Errors
    /// It could not, and why.
    pub fn check(&self, purpose: Purpose) -> Option<Result<(), String>> {
        let program = self.spec.command(purpose).first()?;
        Some(match &self.runs_in {
            RunsIn::Host { base } => host::check(&host::resolve(base, program)),
            RunsIn::Container(sandbox) => sandbox.check().map_err(|error| chain(&error)),
            RunsIn::Forbidden(why) => Err(why.clone()),
        })
    }
}

/// The last line of what a program printed, for a log: cut, and what a terminal would obey is made visible.
pub(crate) fn last_line(text: &[u8]) -> String {
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().take(SHOWN).collect();
    visible(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_script_says_on_purpose_judges_a_result() {
        let sorted = |code: i32, legacy| outcome(Ok(code), "", legacy);
        assert_eq!(sorted(0, false), Outcome::Good);
        assert_eq!(sorted(10, false), Outcome::Bad(String::new()));
        assert_eq!(sorted(75, false), Outcome::Later(String::new()));
        assert_eq!(sorted(3, true), Outcome::Later(String::new()));
        for code in [1, 2, 4, 11, 76, 125, 126, 127, 137, 139, 143, 255] {
            assert!(matches!(sorted(code, false), Outcome::Broken { .. }), "{code}");
            assert_eq!(matches!(sorted(code, true), Outcome::Bad(_)), code < 126, "{code}");
        }
        assert!(matches!(outcome(Err("killed".into()), "", true), Outcome::Broken { .. }));
    }

    #[test]
    fn what_a_script_prints_cannot_command_a_terminal_or_fill_a_log() {
        assert_eq!(last_line(b"Traceback\nValueError: \x1b[2Jx\n\n"), "ValueError: \\u{1b}[2Jx");
        assert_eq!(last_line(&[b'x'; 10_000]).len(), 300);
        assert_eq!(last_line(b"\xff\n"), "\u{fffd}");
        assert_eq!(last_line(b""), "");
    }
}

//! What the programs `buoy-init`, `buoy-compare` and `buoy-assimilate` do.
//!
//! The daemons run them with working directory `PROJECT/tmp_HOST` and next to no environment, and can tell no
//! broken script from a bad result: so whatever a shim cannot decide is an answer of its own.

mod assimilate;
mod compare;
mod init;
mod judge;
mod memory;
pub(crate) mod session;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wrapper::visible::visible;

use crate::bounds::shortened_to;
use crate::clock::{Clock, SystemClock};
use crate::routes::{DEFAULT_ROUTES, ROUTES_VARIABLE, Routed};
use crate::verdict::Verdict;

pub use assimilate::{INLINE_VARIABLE, WORK_FLAG, retry};
pub(crate) use judge::{absolute, route};
pub use session::{breaker_directory, state_directory};

/// Environment variable that takes the place of `breaker.outage_seconds`, also where there is no routes file to read.
pub const OUTAGE_VARIABLE: &str = "BUOY_OUTAGE_SECONDS";

/// One of the three programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shim {
    /// `buoy-init`: whether a result is acceptable at all.
    Init,
    /// `buoy-compare`: whether two results agree.
    Compare,
    /// `buoy-assimilate`: takes the canonical result's outputs, or notes a failure.
    Assimilate,
}

impl Shim {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Shim::Init => "buoy-init",
            Shim::Compare => "buoy-compare",
            Shim::Assimilate => "buoy-assimilate",
        }
    }
}

/// How a shim is called.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The program and its arguments.
    pub argv: &'a [OsString],
    /// The working directory: relative paths start here.
    pub directory: &'a Path,
    /// The value of [`ROUTES_VARIABLE`], if it is set.
    pub routes: Option<&'a OsStr>,
    /// The value of [`OUTAGE_VARIABLE`], if it is set.
    pub outage: Option<&'a OsStr>,
    /// Whether [`INLINE_VARIABLE`] is set: the spool is worked off before the answer, and nothing is left running.
    pub inline: bool,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Takes each line for the daemon's log at once.
    pub log: &'a dyn Fn(&str),
}

impl Call<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn routes_toml(&self) -> PathBuf {
        self.path(self.routes.map_or(Path::new(DEFAULT_ROUTES), Path::new))
    }

    fn outage_seconds(&self) -> Option<f64> {
        self.outage?.to_str()?.parse().ok().filter(|seconds: &f64| *seconds >= 0.0)
    }
}

/// Runs a shim; its exit code.
pub fn run(shim: Shim, call: &Call) -> u8 {
    match shim {
        Shim::Init => judge::run(call, init::judge),
        Shim::Compare => judge::run(call, compare::judge),
        Shim::Assimilate => assimilate::run(call),
    }
}

/// Runs a shim as the process's main function.
pub fn main(shim: Shim) -> ExitCode {
    // A death by a signal counts as "invalid": a mistake of ours must not cost honest work. An assimilator that
    // may not have taken the outputs must not seem to have; one that has must not end its daemon.
    std::panic::set_hook(Box::new(move |panic| {
        let _ = writeln!(std::io::stderr(), "{}: this is a bug: {panic}", shim.name());
        std::process::exit(i32::from(exit_code_of_a_bug(assimilate::is_taken())));
    }));
    let argv: Vec<OsString> = std::env::args_os().collect();
    let routes = std::env::var_os(ROUTES_VARIABLE);
    let outage = std::env::var_os(OUTAGE_VARIABLE);
    let log = |line: &str| write_log(shim, line);
    let call = Call {
        argv: &argv,
        directory: Path::new(""),
        routes: routes.as_deref(),
        outage: outage.as_deref(),
        inline: std::env::var_os(INLINE_VARIABLE).is_some(),
        clock: &SystemClock,
        log: &log,
    };
    ExitCode::from(run(shim, &call))
}

/// What is answered after a mistake of ours; `is_taken`: an assimilator has the outputs in its spool.
fn exit_code_of_a_bug(is_taken: bool) -> u8 {
    if is_taken { 0 } else { Verdict::Transient.exit_code() }
}

fn write_log(shim: Shim, line: &str) {
    // With the log gone there is nobody to tell; the answer stands.
    let _ = writeln!(std::io::stderr(), "{}: {}", shim.name(), log_line(line));
}

/// Characters of a line of the log, at most.
const LOG_CHARS: usize = 4_000;

/// A line for a log. What others wrote into it cannot end it, so that no line looks like one of ours, and commands no
/// terminal.
pub(crate) fn log_line(line: &str) -> String {
    visible(&shortened_to(line, LOG_CHARS)).into_owned()
}

/// The name of output `number` in messages.
fn output_name(routed: &Routed, number: usize) -> String {
    routed.name(number).map_or_else(|| format!("output {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_looks_like_a_line_of_ours() {
        let line = log_line("x_0: invalid: \r\nbuoy-init: ALERT: \u{1b}[2J\u{202e}\u{2028}");
        assert_eq!(line, "x_0: invalid: \\r\\nbuoy-init: ALERT: \\u{1b}[2J\\u{202e}\\u{2028}");
        assert!(log_line(&"x".repeat(10_000_000)).len() < 5_000);
    }

    #[test]
    fn a_bug_judges_nobody_and_ends_no_daemon_once_the_outputs_are_safe() {
        assert_eq!(exit_code_of_a_bug(false), 3);
        assert_eq!(exit_code_of_a_bug(true), 0);
    }
}

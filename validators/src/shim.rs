//! What the programs `buoy-init`, `buoy-compare` and `buoy-assimilate` do.
//!
//! The daemons run them with working directory `PROJECT/tmp_HOST` and next to no environment, and can tell no
//! broken script from a bad result: so whatever a shim cannot decide is an answer of its own.

mod assimilate;
mod attempts;
mod compare;
mod init;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use boinc::clock::SystemClock;

use crate::log_line::log_line;
use crate::routes::{ROUTES_VARIABLE, Routed};
use crate::session::{Call, INLINE_VARIABLE, OUTAGE_VARIABLE};
use crate::verdict::Verdict;

pub use assimilate::{PROCESS_SPOOL_FLAG, retry};

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

/// Runs a shim; its exit code.
pub fn run(shim: Shim, call: &Call) -> u8 {
    match shim {
        Shim::Init => attempts::run(call, init::judge),
        Shim::Compare => attempts::run(call, compare::judge),
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

/// The name of output `number` in messages.
fn output_name(routed: &Routed, number: usize) -> String {
    routed.name(number).map_or_else(|| format!("output {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_judges_nobody_and_ends_no_daemon_once_the_outputs_are_safe() {
        assert_eq!(exit_code_of_a_bug(false), 3);
        assert_eq!(exit_code_of_a_bug(true), 0);
    }
}

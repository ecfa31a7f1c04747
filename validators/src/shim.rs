//! What the programs `buoy-init`, `buoy-compare` and `buoy-assimilate` do.
//!
//! The daemons run them with working directory `PROJECT/tmp_HOST` and next to no environment, and can tell no
//! broken script from a bad result: so whatever a shim cannot decide is an answer of its own.

mod assimilate;
mod compare;
mod init;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::routes::{self, DEFAULT_ROUTES, ROUTES_VARIABLE, RouteError, Routed};
use crate::verdict::Verdict;
use crate::workunit_name::WorkunitName;

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
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The program and its arguments.
    pub argv: &'a [OsString],
    /// The working directory: relative paths start here.
    pub directory: &'a Path,
    /// The value of [`ROUTES_VARIABLE`], if it is set.
    pub routes: Option<&'a OsStr>,
}

impl Call<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    fn route(&self, workunit: Option<&WorkunitName>) -> Result<Routed, RouteError> {
        let routes = self.routes.map_or(Path::new(DEFAULT_ROUTES), Path::new);
        routes::find(&self.path(routes), workunit)
    }
}

/// What a shim answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The exit code.
    pub exit_code: u8,
    /// Lines for the daemon's log; none if all is well.
    pub lines: Vec<String>,
}

/// Runs a shim.
pub fn run(shim: Shim, call: &Call) -> Report {
    let mut report = match shim {
        Shim::Init => judge(init::run(call)),
        Shim::Compare => judge(compare::run(call)),
        Shim::Assimilate => assimilate::run(call),
    };
    for line in &mut report.lines {
        line.insert_str(0, ": ");
        line.insert_str(0, shim.name());
    }
    report
}

/// Runs a shim as the process's main function.
pub fn main(shim: Shim) -> ExitCode {
    // A death by a signal counts as "invalid": a mistake of ours must not cost honest work. An assimilator that
    // may not have taken the outputs must not seem to have.
    std::panic::set_hook(Box::new(move |panic| {
        let _ = writeln!(std::io::stderr(), "{}: this is a bug: {panic}", shim.name());
        std::process::exit(i32::from(Verdict::Transient.exit_code()));
    }));
    let argv: Vec<OsString> = std::env::args_os().collect();
    let routes = std::env::var_os(ROUTES_VARIABLE);
    let call = Call { argv: &argv, directory: Path::new(""), routes: routes.as_deref() };
    let report = run(shim, &call);
    for line in &report.lines {
        // With the log gone there is nobody to tell; the answer stands.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    ExitCode::from(report.exit_code)
}

/// A verdict, or why there is none.
type Judgement = Result<(Verdict, Option<String>), Box<dyn Error>>;

fn judge(judgement: Judgement) -> Report {
    match judgement {
        Ok((verdict, line)) => Report { exit_code: verdict.exit_code(), lines: line.into_iter().collect() },
        Err(error) => Report {
            exit_code: Verdict::Transient.exit_code(),
            lines: vec![format!("can't decide: {}", with_causes(&*error))],
        },
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    line
}

/// The name of output `number` in messages.
fn output_name(routed: &Routed, number: usize) -> String {
    routed.name(number).map_or_else(|| format!("output {number}"), str::to_owned)
}

//! The server's script daemons: they run the shims by the command lines of `script_validator` and
//! `script_assimilator`, one after the other, in a thread of their own.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use boinc::names::workunit::OutputName;
use boinc::platform::symlink;
use validators::routes::ROUTES_VARIABLE;
use validators::session::{INLINE_VARIABLE, OUTAGE_VARIABLE};
use validators::spool::Spool;
use wrapper::platform::spawn;

use super::layout::Layout;
use super::programs::{ASSIMILATE, COMPARE, INIT, Programs};
use super::validator::{self, Answer, Scripts, Validation};
use crate::campaign::file_error::{FileError, remove_file};
use crate::campaign::workunit::{ErrorMask, Outcome};
use crate::plan::app::Replication;

/// The batch number that the assimilator gets for a failed workunit.
const BATCH_ID: u32 = 1;

/// A request to the daemons.
#[derive(Clone, Debug)]
pub enum Request {
    /// Look for a canonical result.
    CheckSet {
        /// Which results are viable, with their outputs' physical names.
        viable: Vec<Candidate>,
        replication: Replication,
        target_nresults: u32,
    },
    /// Compare late results with the canonical one.
    CheckLate { late: Vec<Candidate>, canonical: Candidate },
    /// Collect the canonical result's outputs.
    Assimilate { wu_id: i64, canonical: Candidate },
    /// Take note of a failed workunit.
    AssimilateError { wu_id: i64, wu_name: String, errors: ErrorMask },
}

/// A result and its outputs' physical names, in the order of the output template.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub n: u32,
    pub outputs: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Reply {
    /// To a check of any kind.
    Checked {
        validation: Validation,
        /// The last line that a shim wrote, if it refused something.
        remark: Option<String>,
    },
    Assimilated,
    /// To an assimilation: the shim failed, which ends a real daemon.
    AssimilatorFailed {
        /// The last line that it wrote, or its exit status.
        remark: String,
    },
}

pub struct Daemons {
    layout: Layout,
    log: File,
}

impl Daemons {
    /// Puts the shims into the project's `bin/`.
    pub fn install(layout: &Layout, programs: &Programs) -> Result<Self, FileError> {
        for name in [INIT, COMPARE, ASSIMILATE] {
            let link = layout.bin().join(name);
            remove_file(&link)?;
            symlink(&programs.path(name), &link).map_err(FileError::at(&link, "create the link"))?;
        }
        let path = layout.daemon_log();
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(FileError::at(&path, "open the log"))?;
        Ok(Self { layout: layout.clone(), log })
    }

    pub fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::CheckSet { viable, replication, target_nresults } => {
                let mut calls = Calls::new(self, viable.iter());
                let numbers: Vec<u32> = viable.iter().map(|candidate| candidate.n).collect();
                let validation = validator::check_set(&numbers, replication, *target_nresults, &mut calls);
                Reply::Checked { validation, remark: calls.remark }
            }
            Request::CheckLate { late, canonical } => {
                let mut calls = Calls::new(self, late.iter().chain([canonical]));
                let outcomes: Vec<(u32, Outcome)> = late
                    .iter()
                    .map(|candidate| {
                        (candidate.n, validator::check_pair(candidate.n, canonical.n, &mut calls))
                    })
                    .collect();
                let validation = Validation {
                    outcomes,
                    canonical: None,
                    target_nresults: 0,
                    errors: ErrorMask::default(),
                };
                Reply::Checked { validation, remark: calls.remark }
            }
            Request::Assimilate { wu_id, canonical } => {
                let name = canonical.outputs.first().and_then(|name| OutputName::parse(name));
                let workunit = name.map(|name| name.workunit).unwrap_or_default();
                let command = format!("../bin/{ASSIMILATE}  {wu_id}{}", self.arguments(&canonical.outputs));
                self.assimilate(&command, &workunit)
            }
            Request::AssimilateError { wu_id, wu_name, errors } => self.assimilate(
                &format!("../bin/{ASSIMILATE}  --error {} {wu_name} {wu_id} {BATCH_ID}", errors.bits()),
                wu_name,
            ),
        }
    }

    fn assimilate(&mut self, command: &str, workunit: &str) -> Reply {
        let done = self.run(command);
        // A daemon is done once the outputs are in the spool; a submitter waits until they are in their directory.
        if done.0 == 0 {
            match Spool::for_routes(&self.layout.routes()).is_waiting(workunit) {
                Ok(None) => {}
                Ok(Some(state)) => return Reply::AssimilatorFailed { remark: state.error },
                Err(error) => return Reply::AssimilatorFailed { remark: error.to_string() },
            }
        }
        match done {
            (0, _) => Reply::Assimilated,
            (code, remark) => Reply::AssimilatorFailed {
                remark: remark.unwrap_or_else(|| format!("{ASSIMILATE} ended with status {code}")),
            },
        }
    }

    fn arguments(&self, physical_names: &[String]) -> String {
        physical_names.iter().map(|name| format!(" {}", self.layout.upload_argument(name))).collect()
    }

    /// Runs a command line as a daemon does; its exit status as a shell gives it, and the last line it wrote.
    fn run(&mut self, command: &str) -> (i32, Option<String>) {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .current_dir(self.layout.daemon_dir())
            // No administrator fixes a rule meanwhile, and no other workunit waits for these daemons.
            .env(OUTAGE_VARIABLE, "0")
            .env(INLINE_VARIABLE, "1")
            .env_remove(ROUTES_VARIABLE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A Ctrl-C in the terminal is for buoy alone: a killed shim would report "different".
        let done = spawn(&mut shell, true).and_then(Child::wait_with_output);
        let (code, text) = match done {
            Ok(output) => {
                let text = [output.stdout, output.stderr].concat();
                (output.status.code().unwrap_or(128), String::from_utf8_lossy(&text).into_owned())
            }
            // As for a script that does not exist.
            Err(error) => (127, format!("/bin/sh: {error}")),
        };
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
        // The log is for users; a full disk is noticed elsewhere.
        let _ = write!(self.log, "{command}\n{text}-> {code}\n");
        (code, last)
    }
}

/// The shims, called for a set of results.
struct Calls<'a> {
    daemons: &'a mut Daemons,
    candidates: Vec<&'a Candidate>,
    remark: Option<String>,
}

impl<'a> Calls<'a> {
    fn new(daemons: &'a mut Daemons, candidates: impl Iterator<Item = &'a Candidate>) -> Self {
        Self { daemons, candidates: candidates.collect(), remark: None }
    }

    fn paths(&self, n: u32) -> String {
        let found = self.candidates.iter().find(|candidate| candidate.n == n);
        found.map(|candidate| self.daemons.arguments(&candidate.outputs)).unwrap_or_default()
    }

    fn call(&mut self, name: &str, paths: &str) -> Answer {
        // Two spaces, as the stock daemons have it.
        let (code, remark) = self.daemons.run(&format!("../bin/{name} {paths}"));
        if code != 0 {
            self.remark = remark.or(Some(format!("{name} ended with status {code}")));
        }
        match code {
            0 => Answer::Yes,
            3 => Answer::Transient,
            _ => Answer::No,
        }
    }
}

impl Scripts for Calls<'_> {
    fn init(&mut self, n: u32) -> Answer {
        let paths = self.paths(n);
        self.call(INIT, &paths)
    }

    fn compare(&mut self, a: u32, b: u32) -> Answer {
        let paths = self.paths(a) + &self.paths(b);
        self.call(COMPARE, &paths)
    }
}

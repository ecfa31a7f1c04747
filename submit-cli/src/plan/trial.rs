//! Tries the rules of a science app on two results by hand.

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;
use validators::compare::Outcome;
use validators::cpu_budget::CpuBudget;
use validators::describe;
use validators::judge::{self, OutputLimits, Unreadable};

use crate::plan::app::{AppSpec, Output};

/// Which outputs are compared.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// A result: a directory with outputs by their names, or one output.
    pub a: &'a Path,
    /// Another.
    pub b: &'a Path,
    /// The output that `a` and `b` are, or the only one to compare.
    pub output: Option<&'a str>,
}

/// What came out for one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The output's name.
    pub output: String,
    /// How two results are compared, in words.
    pub rule: String,
    /// What each result must be like by itself, in words.
    pub check: Option<String>,
    /// What is wrong with each result by itself.
    pub faults: [Option<String>; 2],
    /// How they differ, if they do.
    pub difference: Option<String>,
}

impl Trial {
    /// Whether a project would take both results and find them to agree.
    pub fn is_good(&self) -> bool {
        self.difference.is_none() && self.faults.iter().all(Option::is_none)
    }
}

/// Why nothing was compared.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The app has no such output.
    #[error("the app has no output {name:?}; its outputs are {known}")]
    UnknownOutput {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Two files, and it is not clear which output they are.
    #[error("{path}: which output is this? say --output NAME; the outputs are {known}")]
    WhichOutput {
        /// The first file.
        path: PathBuf,
        /// What there is.
        known: String,
    },
    /// A result that is neither a directory nor a file, or not of the other's kind.
    #[error("{path}: {found}; two directories or two files are accepted")]
    NoResult {
        /// Where.
        path: PathBuf,
        /// What was found.
        found: &'static str,
    },
    /// An output that can't be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Judges two results as the project's programs do.
///
/// # Errors
/// It is not clear what is to be compared, or a file can't be read.
pub fn try_rules(app: &AppSpec, results: Results) -> Result<Vec<Trial>, TrialError> {
    let names: Vec<&str> = app.outputs.iter().map(|output| output.name.as_str()).collect();
    let rules = app.validate.rules(&names).expect("the app was read without a mistake").outputs;
    let is_dir = results.a.is_dir();
    for path in [results.a, results.b] {
        let found = match path.metadata() {
            Err(_) => "there is nothing that can be read",
            Ok(_) if path.is_dir() != is_dir => "one is a directory, the other is not",
            Ok(_) => continue,
        };
        return Err(TrialError::NoResult { path: path.to_owned(), found });
    }
    let known = || names.join(", ");
    let wanted = match results.output {
        Some(name) if !names.contains(&name) => {
            return Err(TrialError::UnknownOutput { name: name.to_owned(), known: known() });
        }
        None if !is_dir => Some(
            output_of(&names, results.a)
                .ok_or_else(|| TrialError::WhichOutput { path: results.a.to_owned(), known: known() })?,
        ),
        output => output,
    };
    let mut trials = Vec::new();
    for (output, rule) in app.outputs.iter().zip(&rules) {
        if wanted.is_some_and(|name| name != output.name) {
            continue;
        }
        let path = |result: &Path| if is_dir { result.join(&output.name) } else { result.to_owned() };
        // A person may well name a link; a volunteer's output is never followed.
        let path = |result| path(result).canonicalize().unwrap_or_else(|_| path(result));
        let (a, b) = (path(results.a), path(results.b));
        let declared = declared(output);
        let faults = [&a, &b].map(|path| judge::check_output(path, declared, rule, CpuBudget::unlimited()));
        let [first, second] = faults;
        let faults = [first?, second?];
        let both = ((a.as_path(), "the first"), (b.as_path(), "the second"));
        let difference = match judge::compare_outputs(both.0, both.1, rule, CpuBudget::unlimited())? {
            Outcome::Same => None,
            Outcome::Different(how) => Some(how),
        };
        let (check, rule) = (describe::check(&rule.check), describe::rule(&rule.compare));
        trials.push(Trial { output: output.name.clone(), rule, check, faults, difference });
    }
    Ok(trials)
}

fn declared(output: &Output) -> OutputLimits {
    OutputLimits { max_bytes: Some(output.max_bytes), optional: output.optional }
}

/// The output that a file is: the only one, or the one of its name.
fn output_of<'n>(names: &[&'n str], path: &Path) -> Option<&'n str> {
    let file_name = path.file_name()?.to_str()?;
    match names {
        [only] => Some(only),
        // Files collected from a project are called WORKUNIT__file_OUTPUT.
        _ => names.iter().copied().find(|name| {
            file_name == *name || file_name.strip_suffix(name).is_some_and(|rest| rest.ends_with("__file_"))
        }),
    }
}

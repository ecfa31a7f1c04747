//! Applies the validation rules of a science app to two results.

mod suggestion;
mod texts;
mod volatile;

use std::path::{Path, PathBuf};

use boinc::spelling::{listed, listed_near};
use boinc::wire::slot::read_link;
use serde::Serialize;
use thiserror::Error;
use validators::compare::Outcome;
use validators::cpu_budget::CpuBudget;
use validators::describe;
use validators::judge::{self, OutputLimits, Unreadable};

use crate::plan::app::AppSpec;
use crate::platform::resolved;
use texts::Texts;

#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// A result: a directory with outputs under their names, or one output.
    pub a: &'a Path,
    pub b: &'a Path,
    /// The output that `a` and `b` are, or the only one to compare.
    pub output: Option<&'a str>,
}

/// The verdict on one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputVerdict {
    pub output: String,
    /// How two results are compared, in words.
    pub rule: String,
    /// What each result by itself must satisfy, in words.
    pub check: Option<String>,
    /// What is wrong with each result by itself.
    pub faults: [Option<String>; 2],
    /// How they differ, if they do.
    pub difference: Option<String>,
    /// The first line of each that differs, with its number; empty for outputs that are not compared line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Keys of `[validate]` with which they would agree, if they differ and there are such keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// What to add to the rule, whether they agree or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl OutputVerdict {
    /// Whether a project would accept both results as valid and equal.
    pub fn is_good(&self) -> bool {
        self.difference.is_none() && self.faults.iter().all(Option::is_none)
    }
}

#[derive(Debug, Error)]
pub enum TryRulesError {
    #[error("unknown output {name:?}, the outputs are {known}")]
    UnknownOutput { name: String, known: String },
    /// Two files, and it is not clear which output they are.
    #[error("failed to tell which output {path} is: name it with --output NAME, the outputs are {known}")]
    WhichOutput { path: PathBuf, known: String },
    /// Not a directory or a file, or not of the other result's kind.
    #[error("invalid result {path}: {found}; two directories or two files are accepted")]
    InvalidResult { path: PathBuf, found: &'static str },
    /// In a slot that was moved or copied.
    #[error(
        "failed to compare {path}: it is a soft link of a BOINC client to {target}, which does not exist; compare the \
         output files themselves"
    )]
    LostTarget { path: PathBuf, target: PathBuf },
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Judges two results as the project's programs do.
///
/// # Errors
/// It is not clear what is to be compared, or a file cannot be read.
pub fn try_rules(app: &AppSpec, results: Results) -> Result<Vec<OutputVerdict>, TryRulesError> {
    let names: Vec<&str> = app.outputs.iter().map(|output| output.name.as_str()).collect();
    let rules = app.validate.rules(&names).expect("the app was read without a mistake").outputs;
    let is_dir = results.a.is_dir();
    for path in [results.a, results.b] {
        let found = match path.metadata() {
            Err(_) => "it cannot be read",
            Ok(_) if path.is_dir() != is_dir => "one is a directory, the other is not",
            Ok(_) => continue,
        };
        return Err(TryRulesError::InvalidResult { path: path.to_owned(), found });
    }
    let wanted = match results.output {
        Some(name) if !names.contains(&name) => {
            let known = listed_near(name, &names);
            return Err(TryRulesError::UnknownOutput { name: name.to_owned(), known });
        }
        None if !is_dir => Some(output_of(&names, results.a).ok_or_else(|| TryRulesError::WhichOutput {
            path: results.a.to_owned(),
            known: listed(&names),
        })?),
        output => output,
    };
    let mut verdicts = Vec::new();
    for (index, (output, rule)) in app.outputs.iter().zip(&rules).enumerate() {
        if wanted.is_some_and(|name| name != output.name) {
            continue;
        }
        let path = |result: &Path| {
            let path = if is_dir { result.join(&output.name) } else { result.to_owned() };
            follow(&path)
        };
        let (a, b) = (path(results.a)?, path(results.b)?);
        let declared = OutputLimits { max_bytes: Some(output.max_bytes), optional: output.optional };
        let faults = [&a, &b].map(|path| judge::check_output(path, declared, rule, CpuBudget::unlimited()));
        let [first, second] = faults;
        let faults = [first?, second?];
        let both = ((a.as_path(), "the first"), (b.as_path(), "the second"));
        let difference = match judge::compare_outputs(both.0, both.1, rule, CpuBudget::unlimited())? {
            Outcome::Same => None,
            Outcome::Different(how) => Some(how),
        };
        let texts = difference.as_ref().and_then(|_| Texts::read(&a, &b));
        let lines = texts.as_ref().map(|texts| texts.first_difference(&rule.compare)).unwrap_or_default();
        let suggestion = texts
            .and_then(|texts| suggestion::suggestion(app, &names, index, [&a, &b], &texts, &rule.compare));
        let help = [&a, &b].into_iter().find_map(|path| decimal_comma(app, &output.name, path));
        let (check, rule) = (describe::check(&rule.check), describe::rule(&rule.compare));
        let output = output.name.clone();
        verdicts.push(OutputVerdict { output, rule, check, faults, difference, lines, suggestion, help });
    }
    Ok(verdicts)
}

/// The file that a path means. A user may name a link, or a slot, whose outputs are soft links of a client; a volunteer's
/// output is never followed.
fn follow(path: &Path) -> Result<PathBuf, TryRulesError> {
    let link = path.parent().zip(path.file_name().and_then(|name| name.to_str()));
    // What cannot be read is reported when it is opened.
    let link = link.and_then(|(dir, name)| Some(read_link(dir, name).ok()??.target_in(dir, name)));
    match link {
        Some(target) if !target.exists() => Err(TryRulesError::LostTarget { path: path.to_owned(), target }),
        link => {
            let path = link.unwrap_or_else(|| path.to_owned());
            Ok(resolved(&path).unwrap_or(path))
        }
    }
}

/// What to add to the rule of an output whose file seems to have decimal commas, if the rule does not say what they mean.
pub fn decimal_comma(app: &AppSpec, output: &str, path: &Path) -> Option<String> {
    let names: Vec<&str> = app.outputs.iter().map(|output| output.name.as_str()).collect();
    let rules = app.validate.rules(&names).ok()?.outputs;
    let rule = &rules[names.iter().position(|name| *name == output)?];
    let (line, word) = judge::decimal_comma(path, rule).ok()??;
    Some(format!(
        "{output} has {word:?} in line {line}: add decimal = \",\" to its rule if this is one number, or decimal = \".\" if \
         commas separate numbers"
    ))
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

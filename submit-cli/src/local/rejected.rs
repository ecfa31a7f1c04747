//! Why the results of a job did not agree, and where their outputs are.

use std::path::PathBuf;

use super::keep::rejected_dir;
use super::layout::Layout;
use crate::campaign::JobRecord;
use crate::campaign::workunit::{Outcome, ResultState, ValidateState};
use crate::plan::app::AppSpec;
use crate::plan::try_rules::{Results, try_rules};

/// What is kept of a job that failed in validation.
pub struct Rejected {
    /// A directory for each result.
    pub kept: Vec<PathBuf>,
    /// How the first two differ, and what would make them agree; some lines, or none.
    pub explanation: String,
}

/// What is kept of a job whose results did not pass validation; `None` for any other job.
pub fn explain(app: &AppSpec, layout: &Layout, job: &JobRecord) -> Option<Rejected> {
    if job.canonical.is_some() {
        return None;
    }
    let dirs = |wanted: fn(Outcome) -> bool| -> Vec<PathBuf> {
        let results = job
            .current()
            .filter(|result| matches!(result.state, ResultState::Over(outcome) if wanted(outcome)));
        results.map(|result| rejected_dir(layout, job, result.n)).filter(|dir| dir.is_dir()).collect()
    };
    let disagree = dirs(|outcome| {
        matches!(
            outcome,
            Outcome::Success(ValidateState::NoCheck | ValidateState::Inconclusive | ValidateState::Invalid)
        )
    });
    let refused = dirs(|outcome| outcome == Outcome::ValidateError);
    let explanation = match (&disagree[..], &app.script) {
        ([a, b, ..], script) if script.as_ref().is_none_or(|script| script.compare.is_empty()) => {
            explanation(app, Results { a, b, output: None })
        }
        _ => String::new(),
    };
    let kept: Vec<PathBuf> = disagree.into_iter().chain(refused).collect();
    (!kept.is_empty()).then_some(Rejected { kept, explanation })
}

/// The first output in which two results differ, with the keys that would make them agree.
fn explanation(app: &AppSpec, results: Results) -> String {
    // The cause of the failure has been reported; this only adds to it.
    let Ok(verdicts) = try_rules(app, results) else { return String::new() };
    let Some(verdict) = verdicts.into_iter().find(|verdict| verdict.difference.is_some()) else {
        return String::new();
    };
    let name = &verdict.output;
    let mut text = String::new();
    for (n, line) in [results.a, results.b].iter().zip(&verdict.lines) {
        text.push_str(&format!("{} {line}\n", n.join(name).display()));
    }
    if let Some(keys) = verdict.suggestion {
        text.push_str(&format!("help: {name} of these two agrees with {keys} in [validate] of app.toml\n"));
    }
    text
}

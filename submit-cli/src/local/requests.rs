//! Checks what a science app requests against the project's policy before anything runs: the wrapper would refuse each of
//! ten thousand jobs for the same reason.

use std::path::Path;

use boinc::job::policy::{Policy, Trust};

use super::error::LocalError;
use crate::plan::Plan;

/// Checks the plan's job.toml against a policy; default: the strictest one.
pub fn check(plan: &Plan, policy: Option<&Path>) -> Result<(), LocalError> {
    let rules = match policy {
        None => Policy::none(),
        Some(path) => {
            let path = path.to_owned();
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(source) => return Err(LocalError::PolicyFile { path, source }),
            };
            Policy::parse(&text).map_err(|source| LocalError::Policy { path, source })?
        }
    };
    let refusals = rules.check(&plan.bundle.job_spec, Trust::Workunit);
    if refusals.is_empty() {
        return Ok(());
    }
    let refused: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    Err(LocalError::Refused(format!(
        "failed to run {}: {}; if your project allows it, pass its policy.toml with --policy",
        plan.app.file.display(),
        refused.join("; ")
    )))
}

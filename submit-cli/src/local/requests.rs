//! Checks what a science app requests against the project's policy before anything runs: the wrapper would refuse each of
//! ten thousand jobs for the same reason.

use std::path::{Path, PathBuf};

use boinc::job::policy::{Policy, Trust};
use boinc::toml_file::ConfigErrors;

use crate::plan::Plan;

/// Why the wrapper would refuse the jobs.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("failed to read the policy {}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("invalid policy {}", .path.display())]
    Mistakes {
        path: PathBuf,
        /// All of them, with lines.
        source: ConfigErrors,
    },
    #[error("failed to run {app}: {refused}; if your project allows it, pass its policy.toml with --policy")]
    Refused {
        app: PathBuf,
        /// All refused requests, with reasons.
        refused: String,
    },
}

/// Checks the plan's job.toml against a policy; default: the strictest one.
pub fn check(plan: &Plan, policy: Option<&Path>) -> Result<(), RequestError> {
    let rules = match policy {
        None => Policy::none(),
        Some(path) => {
            let path = path.to_owned();
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(source) => return Err(RequestError::Read { path, source }),
            };
            Policy::parse(&text).map_err(|source| RequestError::Mistakes { path, source })?
        }
    };
    let refusals = rules.check(&plan.bundle.job_spec, Trust::Workunit);
    if refusals.is_empty() {
        return Ok(());
    }
    let refused: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    Err(RequestError::Refused { app: plan.app.file.clone(), refused: refused.join("; ") })
}

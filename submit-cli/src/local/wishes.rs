//! What a science app asks of a host, held against the project's policy before anything is run: the wrapper would refuse
//! each of ten thousand jobs for the same reason.

use std::path::{Path, PathBuf};

use boinc::job::policy::{Policy, Trust};
use boinc::toml_file::ConfigErrors;

use crate::plan::Plan;
use crate::plan::job_toml::job_spec;

/// The jobs would be refused.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// The policy can't be read.
    #[error("{}: the policy cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The policy has mistakes.
    #[error("{}: this policy has mistakes", .path.display())]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// All of them, with lines.
        source: ConfigErrors,
    },
    /// It does not allow what the app asks for.
    #[error("{app}: {refused}; if your project allows it, give its policy.toml with --policy")]
    Refused {
        /// The app.toml.
        app: PathBuf,
        /// All that is refused, and why.
        refused: String,
    },
}

/// Holds the plan's job.toml against the policy; the strictest if there is none.
pub fn check(plan: &Plan, policy: Option<&Path>) -> Result<(), WishError> {
    let rules = match policy {
        None => Policy::none(),
        Some(path) => {
            let path = path.to_owned();
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(source) => return Err(WishError::Read { path, source }),
            };
            Policy::parse(&text).map_err(|source| WishError::Mistakes { path, source })?
        }
    };
    let refusals = rules.check(&job_spec(&plan.app, &plan.job_inputs), Trust::Workunit);
    if refusals.is_empty() {
        return Ok(());
    }
    let refused: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    Err(WishError::Refused { app: plan.app.file.clone(), refused: refused.join("; ") })
}

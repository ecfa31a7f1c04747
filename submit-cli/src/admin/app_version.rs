//! App versions: the directories that BOINC's `update_versions` signs and installs.
//!
//! An app version of a universal app holds the wrapper and `policy.toml`; one of a single-purpose app everything of a science
//! app besides. Its files keep their names for ever (BOINC's files are immutable), so each name says app, version and platform, or
//! what is in the file. Sources: tools/update_versions, client/client_types.cpp, client/app_start.cpp.

mod dist;
mod number;
mod platform;
mod tree;
mod write;

pub use dist::wrappers;
pub use number::Number;
pub use platform::Platform;
pub use tree::{Single, Target, Tree, TreeError, VersionFile, tree};
pub use write::{Outcome, write};

/// An invalid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An app's name.
    #[error(
        "invalid BOINC app name {name:?}; accepted: letters, digits, \"_\", \"-\" and \".\", first a letter or digit, at most 191"
    )]
    App { name: String },
    /// A plan class's name.
    #[error(
        "invalid plan class {name:?}; accepted: letters, digits, \"_\", \"-\" and \".\", without \"__\", at most 128"
    )]
    PlanClass { name: String },
    /// A plan class for containers whose name does not say so.
    #[error(
        "invalid plan class {name:?}; accepted: a name with \"docker\" in it, otherwise clients remove the containers when they start"
    )]
    NoDocker { name: String },
}

/// Checks the name of a BOINC app: it is part of file names, shell commands and an SQL statement of BOINC's.
///
/// # Errors
/// The name is not accepted.
pub fn check_app_name(name: &str) -> Result<(), NameError> {
    match is_word(name) && name.len() <= 191 {
        true => Ok(()),
        false => Err(NameError::App { name: name.to_owned() }),
    }
}

/// Checks the name of a plan class for jobs in containers.
///
/// # Errors
/// The name is not accepted.
pub fn check_plan_class(name: &str) -> Result<(), NameError> {
    if !is_word(name) || name.len() > 128 || name.contains("__") {
        return Err(NameError::PlanClass { name: name.to_owned() });
    }
    match name.contains("docker") {
        true => Ok(()),
        false => Err(NameError::NoDocker { name: name.to_owned() }),
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

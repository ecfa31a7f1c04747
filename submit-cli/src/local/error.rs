//! Why the jobs of a plan cannot be run here.

use std::path::PathBuf;

use boinc::toml_file::ConfigErrors;

use super::engine::EngineError;
use super::programs::ProgramError;
use crate::campaign::CampaignError;
use crate::campaign::file_error::FileError;

/// Why a plan cannot be run here, or its run cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    File(#[from] FileError),
    /// The plan does not fit its policy or its results directory: the submitter has to change one of them.
    #[error("{0}")]
    Refused(String),
    #[error("failed to read the policy {}", .path.display())]
    PolicyFile { path: PathBuf, source: std::io::Error },
    #[error("invalid policy {}", .path.display())]
    Policy {
        path: PathBuf,
        /// All mistakes, with lines.
        source: ConfigErrors,
    },
    #[error("failed to reach the thread that runs the daemons; this is a bug in buoy")]
    DaemonsGone,
    #[error("failed to catch signals")]
    Signals { source: std::io::Error },
}

impl LocalError {
    /// Whether the submitter has to fix something.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::PolicyFile { .. } | Self::Policy { .. })
    }
}

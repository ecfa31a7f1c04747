//! Which names of a slot are inputs and which are outputs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Decided once, before the container is first created: later an output's target exists, and would look like an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names of inputs, those of the app version included.
    pub inputs: Vec<String>,
    /// Outputs in link mode.
    pub outputs: Vec<LinkedOutput>,
}

/// An output in link mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedOutput {
    /// Its name in the slot and in the work directory.
    pub name: String,
    /// Where it must be in the end.
    pub target: PathBuf,
}

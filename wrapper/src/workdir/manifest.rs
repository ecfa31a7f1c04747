//! Which names of a slot are inputs and which are outputs.

use serde::{Deserialize, Serialize};

/// Decided once, before the container is first created: later an output's target exists, and would look like an input.
///
/// It holds names only. Where an output goes is read from the client's own links each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names of inputs, those of the app version included.
    pub inputs: Vec<String>,
    /// Names of outputs in link mode.
    pub outputs: Vec<String>,
}

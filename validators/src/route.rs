//! The route of a science app, as it is written: its outputs, how results are compared, where they go.
//!
//! Data only. `routes.toml` and a submitter's rule file both hold it, and code that applies a route does not depend on
//! where it was read. Reading, checking and choosing are in [`crate::routes`].

mod assimilate;

use serde::{Deserialize, Serialize};

use crate::script::ScriptSpec;
use crate::spec::ValidateSpec;

pub use assimilate::{AssimilateRoute, HookSpec, Layout, NamedFile, PathTemplate, TableSpec};

/// What the shims need to know about a science app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The outputs in the order of the output template, which numbers them; `None` if they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<RouteOutput>>,
    /// How results are compared.
    #[serde(default)]
    pub validate: ValidateSpec,
    /// Where canonical outputs go.
    #[serde(default)]
    pub assimilate: AssimilateRoute,
    /// Programs that judge or take results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptSpec>,
}

/// An output of a science app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteOutput {
    /// Logical name: a relative path without `.` and `..`.
    pub name: String,
    /// Largest size that is accepted, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Whether a result without it is acceptable.
    #[serde(default)]
    pub optional: bool,
}

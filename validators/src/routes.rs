//! Which outputs, rules and places belong to a science app: `routes.toml` and `routes.d/`.
//!
//! `docs/routes-toml.md` describes the format. The admin writes `routes.toml`; a file
//! `routes.d/APP-HASH.toml` holds the route of one bundle and is written by programs. A shim is started anew
//! for each result, so only the files that can hold its route are read.

mod check;
mod file;
mod published;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use boinc::file_error::FileError;
use boinc::toml_file::ConfigErrors;
use thiserror::Error;

use crate::cpu_budget::{self, CpuBudget};
use crate::route::{Route, RouteOutput};
use crate::rule::OutputRule;
use crate::script::container::Sandbox;
use crate::script::{RunsIn, Script};
use crate::spec::Rules;
use crate::submitter_rules::RuleFileError;

pub use file::{Routes, Settings};
pub use published::PublishedRoutes;

/// Environment variable with the path of `routes.toml`.
pub const ROUTES_VARIABLE: &str = "BUOY_ROUTES";

/// Where `routes.toml` is without that variable, seen from the daemons' working directory `PROJECT/tmp_HOST`.
pub const DEFAULT_ROUTES: &str = "../buoy/routes.toml";

/// Why there is no usable route. None of these says anything about a result.
#[derive(Debug, Error)]
pub enum RouteError {
    /// There is no routes file at all, or a section of it contradicts itself: what is wrong, and in which file.
    #[error("{0}")]
    Invalid(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not TOML of this format, or a route in it contradicts itself.
    #[error(transparent)]
    Format(#[from] ConfigErrors),
    /// No route fits.
    #[error(
        "{path}: no route for {what}; help: add [app.\"{key}\"] or [default] there, or routes.d/{key}.toml next to it"
    )]
    NoRoute {
        /// The routes file.
        path: PathBuf,
        /// The workunit, in words.
        what: String,
        /// A key that would fit.
        key: String,
    },
    /// The rules that the bundle `APP-HASH` brings cannot be used.
    #[error("failed to use the rules of bundle {0}")]
    BundleRules(String, #[source] RuleFileError),
}

/// Who wrote a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Author {
    /// The admin.
    #[default]
    Admin,
    /// A submitter.
    Submitter,
}

/// A route, checked, for one workunit.
#[derive(Clone, Debug, Default)]
pub struct Routed {
    /// The route as written.
    pub route: Route,
    /// What it is called: `APP-HASH`, `APP` or `default`. Its circuit breaker goes by this.
    pub key: String,
    /// Who wrote it.
    pub author: Author,
    /// Its programs.
    pub script: Option<Script>,
    /// Seconds of processor time that its built-in rules may take in one call; `None`: as long as it takes.
    pub rule_seconds: Option<u32>,
    rules: Rules,
}

impl Routed {
    /// Names the route and makes its scripts ready; programs start at the directory of `routes_toml`.
    fn named(mut self, key: &str, routes_toml: &Path) -> Self {
        let base = routes_toml.parent().unwrap_or(Path::new("")).to_owned();
        key.clone_into(&mut self.key);
        self.script = self.route.script.clone().map(|spec| {
            let runs_in = match &spec.container {
                Some(image) => {
                    RunsIn::Container(Sandbox { image: image.clone(), engine: None, files: vec![] })
                }
                None => RunsIn::Host { base },
            };
            Script { spec, runs_in }
        });
        self
    }

    /// How long its built-in rules may take, from now on, for outputs of so many bytes.
    pub(crate) fn cpu_budget(&self, bytes: u64) -> CpuBudget {
        self.allowance(bytes).map_or_else(CpuBudget::unlimited, CpuBudget::of)
    }

    /// The same as a time; `None`: as long as it takes.
    pub(crate) fn allowance(&self, bytes: u64) -> Option<Duration> {
        let most = Duration::from_secs(u64::from(self.rule_seconds?));
        Some(cpu_budget::allowance(bytes, most))
    }

    /// The rule for output number `index`.
    pub fn rule(&self, index: usize) -> &Arc<OutputRule> {
        self.rules.outputs.get(index).unwrap_or(&self.rules.general)
    }

    /// Output number `index`, if the outputs are known.
    pub fn output(&self, index: usize) -> Option<&RouteOutput> {
        self.route.outputs.as_ref()?.get(index)
    }

    /// The logical name of output number `index`, if the outputs are known.
    pub fn name(&self, index: usize) -> Option<&str> {
        Some(&self.output(index)?.name)
    }
}

//! Which outputs, rules and places belong to a science app: `routes.toml` and `routes.d/`.
//!
//! `docs/routes-toml.md` describes the format. The admin writes `routes.toml`; a file
//! `routes.d/APP-HASH.toml` holds the route of one bundle and is written by programs. A shim is started anew
//! for each result, so only the files that can hold its route are read.

mod file;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rule::OutputRule;
use crate::spec::{AssimilateKind, AssimilateSpec, Step, ValidateSpec};
use crate::workunit_name::WorkunitName;

pub use file::find;

/// Environment variable with the path of `routes.toml`.
pub const ROUTES_VARIABLE: &str = "BUOY_ROUTES";

/// Where `routes.toml` is without that variable, seen from the daemons' working directory `PROJECT/tmp_HOST`.
pub const DEFAULT_ROUTES: &str = "../buoy/routes.toml";

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

/// Where canonical outputs go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssimilateRoute {
    /// Kind of assimilation.
    #[serde(default)]
    pub rule: AssimilateKind,
    /// How collected files are laid out.
    #[serde(default)]
    pub layout: Layout,
    /// Top directory of collected files; if relative, then to `PROJECT/tmp_HOST`.
    #[serde(default = "default_directory")]
    pub directory: PathBuf,
}

/// How collected files are laid out below the top directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `BATCH/WORKUNIT__file_OUTPUT`, and `BATCH/WORKUNIT_error`: what BOINC's web pages serve
    /// (`html/inc/submit_util.inc`, `batch_collect_outfile_path`).
    #[default]
    Batch,
    /// `JOB/OUTPUT`, and `WORKUNIT_error`.
    Job,
}

fn default_directory() -> PathBuf {
    PathBuf::from("../results")
}

impl Default for AssimilateRoute {
    fn default() -> Self {
        Self { rule: AssimilateKind::Collect, layout: Layout::Batch, directory: default_directory() }
    }
}

impl From<&AssimilateSpec> for AssimilateRoute {
    fn from(spec: &AssimilateSpec) -> Self {
        Self { rule: spec.rule, ..Self::default() }
    }
}

/// Why there is no usable route. None of these says anything about a result.
#[derive(Debug, Error)]
pub enum RouteError {
    /// There is no routes file at all.
    #[error("{path}: there are no routes: write this file, or set {ROUTES_VARIABLE} to where it is")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or directory cannot be read or written.
    #[error("{path}: cannot {action} the routes")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no TOML of this format.
    #[error("{path}:{line}: {message}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What was found and what is accepted.
        message: String,
    },
    /// A route contradicts itself.
    #[error("{path}: {section}: {message}")]
    Meaning {
        /// The file.
        path: PathBuf,
        /// The table, such as `app."vina"`.
        section: String,
        /// All mistakes, separated by semicolons.
        message: String,
    },
    /// No route fits.
    #[error(
        "{path}: no route for {what}: add [app.\"{key}\"] or [default] there, or routes.d/{key}.toml beside it"
    )]
    NoRoute {
        /// The routes file.
        path: PathBuf,
        /// The workunit, in words.
        what: String,
        /// A key that would fit.
        key: String,
    },
}

/// A contradiction in a route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct RouteMistake {
    /// Where, from the route's own table: for [`crate::spec::locate`].
    pub path: Vec<Step>,
    /// What is wrong, with its place in words.
    pub text: String,
}

/// A route, checked, for one workunit.
#[derive(Clone, Debug, Default)]
pub struct Routed {
    /// The route as written.
    pub route: Route,
    /// The rule of each output, in order, and for outputs that are not listed the general one.
    rules: Vec<OutputRule>,
    general: OutputRule,
}

impl Routed {
    /// The rule for output number `index`.
    pub fn rule(&self, index: usize) -> &OutputRule {
        self.rules.get(index).unwrap_or(&self.general)
    }

    /// The logical name of output number `index`, if the outputs are known.
    pub fn name(&self, index: usize) -> Option<&str> {
        Some(&self.route.outputs.as_ref()?.get(index)?.name)
    }
}

impl Route {
    /// Checks that the outputs' names are usable and that the rules make sense for them.
    pub fn check(self) -> Result<Routed, Vec<RouteMistake>> {
        let mut mistakes = Vec::new();
        let outputs = self.outputs.as_deref().unwrap_or_default();
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        for (i, name) in names.iter().enumerate() {
            let mut note = |what: &str| {
                let path = vec![Step::Key("outputs".to_owned()), Step::Item(i), Step::Key("name".to_owned())];
                mistakes.push(RouteMistake { path, text: format!("output {name:?} is {what}") });
            };
            if !is_output_name(name) {
                note("not a relative path without \".\" and \"..\"");
            }
            if names[..i].contains(name) {
                note("there twice");
            }
            if names.iter().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))) {
                note("the directory of another");
            }
        }
        let general = self.validate.general().unwrap_or_default();
        match self.validate.rules(&names) {
            Ok(rules) if mistakes.is_empty() => Ok(Routed { route: self, rules, general }),
            Ok(_) => Err(mistakes),
            Err(errors) => {
                let of_rule = |error: crate::spec::SpecError| {
                    let text = error.to_string();
                    RouteMistake { path: error.path, text }
                };
                mistakes.extend(errors.into_iter().map(of_rule));
                Err(mistakes)
            }
        }
    }

    /// Writes this route as `routes.d/KEY.toml` beside `routes_toml`, whole or not at all; `key` is a science
    /// app's name or a bundle's, as [`WorkunitName::bundle`] gives it. Returns the file's path.
    ///
    /// A [`RouteError::Meaning`] is a mistake of the caller: a submitter's `[validate]` is checked before.
    pub fn write(&self, routes_toml: &Path, key: &str) -> Result<PathBuf, RouteError> {
        file::write(self, routes_toml, key)
    }
}

/// Whether a text can be an output's logical name: a relative path without `.`, `..` and control characters, and
/// short enough to follow the longest workunit's name where results are collected (61 bytes).
pub fn is_output_name(name: &str) -> bool {
    // The longest prefix of a collected file's name leaves this much of a file system's 255 bytes.
    name.len() <= 255 - crate::workunit_name::MAX_BYTES - "__file_".len()
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !name.contains(|c: char| c.is_control())
}

/// The keys under which a workunit's route may stand, most particular first.
fn keys(workunit: &WorkunitName) -> [String; 2] {
    [workunit.bundle(), workunit.app().to_owned()]
}

//! Which outputs, rules and places belong to a science app: `routes.toml` and `routes.d/`.
//!
//! `docs/routes-toml.md` describes the format. The admin writes `routes.toml`; a file
//! `routes.d/APP-HASH.toml` holds the route of one bundle and is written by programs. A shim is started anew
//! for each result, so only the files that can hold its route are read.

mod file;
mod place;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::brought::BroughtError;
use crate::patience::Patience;
use crate::rule::OutputRule;
use crate::script::container::Sandbox;
use crate::script::{Place, Script, ScriptSpec, made};
use crate::spec::{Step, ValidateSpec};

pub use file::{Routes, Settings};
pub use place::{AssimilateRoute, HookSpec, Layout, NamedFile, PathTemplate, TableSpec};

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
    /// The rule that the bundle brings cannot be used.
    #[error("the rule that {bundle} brings cannot be used")]
    Brought {
        /// `APP-HASH`.
        bundle: String,
        /// Why.
        source: BroughtError,
    },
    /// The rule that the bundle brings contradicts itself.
    #[error("the rule that {bundle} brings makes no sense: {message}")]
    BroughtMeaning {
        /// `APP-HASH`.
        bundle: String,
        /// All mistakes, separated by semicolons.
        message: String,
    },
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
    /// What it is called: `APP-HASH`, `APP` or `default`. Its circuit breaker goes by this.
    pub key: String,
    /// Who wrote it.
    pub author: Author,
    /// Its programs.
    pub script: Option<Script>,
    /// Seconds of processor time that its built-in rules may take in one call; `None`: as long as it takes.
    pub rule_seconds: Option<u32>,
    /// The rule of each output, in order, and for outputs that are not listed the general one.
    rules: Vec<OutputRule>,
    general: OutputRule,
}

impl Routed {
    /// Names the route and makes its scripts ready; programs start at the directory of `routes_toml`.
    fn named(mut self, key: &str, routes_toml: &Path) -> Self {
        let base = routes_toml.parent().unwrap_or(Path::new("")).to_owned();
        key.clone_into(&mut self.key);
        self.script = self.route.script.clone().map(|spec| {
            let place = match &spec.container {
                Some(image) => {
                    Place::Container(Sandbox { image: image.clone(), engine: None, files: vec![] })
                }
                None => Place::Host { base },
            };
            Script { spec, place }
        });
        self
    }

    /// How long its built-in rules may take, from now on.
    pub(crate) fn patience(&self) -> Patience {
        self.rule_seconds.map_or_else(Patience::endless, Patience::seconds)
    }

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
        let in_table = |key: &str, texts: Vec<String>| {
            let path = vec![Step::Key(key.to_owned())];
            texts.into_iter().map(move |text| RouteMistake { path: path.clone(), text })
        };
        mistakes.extend(in_table("assimilate", self.assimilate.mistakes()));
        mistakes.extend(in_table("script", self.script.as_ref().map_or(Vec::new(), ScriptSpec::mistakes)));
        let makes = self.script.as_ref().map_or(&[][..], |script| &script.makes);
        mistakes.extend(in_table("script", made::mistakes(makes, &names)));
        let general = self.validate.general().unwrap_or_default();
        match self.validate.rules(&names) {
            Ok(rules) if mistakes.is_empty() => {
                Ok(Routed { route: self, rules, general, ..Routed::default() })
            }
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

//! Which outputs, rules and places belong to a science app: `routes.toml` and `routes.d/`.
//!
//! `docs/routes-toml.md` describes the format. The admin writes `routes.toml`; a file
//! `routes.d/APP-HASH.toml` holds the route of one bundle and is written by programs. A shim is started anew
//! for each result, so only the files that can hold its route are read.

mod file;
mod place;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wrapper::visible::is_obeyed;

use crate::bounds::{MOST_OUTPUTS, shortened};
use crate::brought::BroughtError;
use crate::patience::{self, Patience};
use crate::rule::OutputRule;
use crate::script::container::Sandbox;
use crate::script::{Place, Script, ScriptSpec, made};
use crate::spec::{Rules, Step, ValidateSpec};

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
    rules: Rules,
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

    /// How long its built-in rules may take, from now on, for outputs of so many bytes.
    pub(crate) fn patience(&self, bytes: u64) -> Patience {
        self.allowance(bytes).map_or_else(Patience::endless, Patience::of)
    }

    /// The same as a time; `None`: as long as it takes.
    pub(crate) fn allowance(&self, bytes: u64) -> Option<Duration> {
        let most = Duration::from_secs(u64::from(self.rule_seconds?));
        Some(patience::allowance(bytes, most))
    }

    /// The rule for output number `index`.
    pub fn rule(&self, index: usize) -> &Arc<OutputRule> {
        self.rules.outputs.get(index).unwrap_or(&self.rules.general)
    }

    /// The logical name of output number `index`, if the outputs are known.
    pub fn name(&self, index: usize) -> Option<&str> {
        Some(&self.route.outputs.as_ref()?.get(index)?.name)
    }
}

impl Route {
    /// Checks that the outputs' names are usable and that the rules make sense for them.
    pub fn check(self) -> Result<Routed, Vec<RouteMistake>> {
        let outputs = self.outputs.as_deref().unwrap_or_default();
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        let mut mistakes = name_mistakes(&names);
        let in_table = |key: &str, texts: Vec<String>| {
            let path = vec![Step::Key(key.to_owned())];
            texts.into_iter().map(move |text| RouteMistake { path: path.clone(), text })
        };
        mistakes.extend(in_table("assimilate", self.assimilate.mistakes()));
        mistakes.extend(in_table("script", self.script.as_ref().map_or(Vec::new(), ScriptSpec::mistakes)));
        let makes = self.script.as_ref().map_or(&[][..], |script| &script.makes);
        mistakes.extend(in_table("script", made::mistakes(makes, &names)));
        match self.validate.rules(&names) {
            Ok(rules) if mistakes.is_empty() => Ok(Routed { route: self, rules, ..Routed::default() }),
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

/// What is wrong with the names of outputs.
fn name_mistakes(names: &[&str]) -> Vec<RouteMistake> {
    let outputs = Step::Key("outputs".to_owned());
    if names.len() > MOST_OUTPUTS {
        let text = format!("outputs: {} of them, at most {MOST_OUTPUTS} are accepted", names.len());
        return vec![RouteMistake { path: vec![outputs], text }];
    }
    let is_name: Vec<bool> = names.iter().map(|name| is_output_name(name)).collect();
    // Names are short, so these are few.
    let usable = || names.iter().zip(&is_name).filter(|(_, is_name)| **is_name).map(|(name, _)| *name);
    let directories: HashSet<&str> =
        usable().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at])).collect();
    let mut seen = HashSet::new();
    let mut mistakes = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut note = |what: &str| {
            let path = vec![outputs.clone(), Step::Item(i), Step::Key("name".to_owned())];
            mistakes.push(RouteMistake { path, text: format!("output {:?} is {what}", shortened(name)) });
        };
        if !is_name[i] {
            note("not a relative path of at most 61 bytes without \".\" and \"..\"");
        }
        if !seen.insert(name) {
            note("there twice");
        }
        if directories.contains(name) {
            note("the directory of another");
        }
    }
    mistakes
}

/// Whether a text can be an output's logical name: a relative path without `.`, `..` and characters that are
/// obeyed instead of shown, and
/// short enough to follow the longest workunit's name where results are collected (61 bytes).
pub fn is_output_name(name: &str) -> bool {
    // The longest prefix of a collected file's name leaves this much of a file system's 255 bytes.
    name.len() <= 255 - crate::workunit_name::MAX_BYTES - "__file_".len()
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !name.contains(is_obeyed)
}

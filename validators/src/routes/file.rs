//! Reading the files that hold routes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use boinc::diagnostic::{Diagnostic, Location};
use boinc::file_error::{FileError, if_found};
use boinc::toml_file::{Document, Step};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Author, ROUTES_VARIABLE, RouteError, Routed};
use crate::alert::AlertSpec;
use crate::bounds::MAX_LISTED_ERRORS;
use crate::breaker::OUTAGE_SECONDS;
use crate::route::{AssimilateRoute, Route};
use crate::spec::SpecError;
use crate::subject::{NamePattern, NameSpec, Subject};
use crate::submitter_rules::{RuleFileError, SubmitterRules};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoutesFile {
    #[serde(default)]
    app: BTreeMap<String, Route>,
    default: Option<Route>,
    #[serde(default)]
    names: Vec<NameSpec>,
    #[serde(default)]
    alert: AlertSpec,
    #[serde(default)]
    breaker: BreakerSpec,
    #[serde(default)]
    batch_id: BatchIdSpec,
    submitter_rules: Option<SubmitterRules>,
}

/// `[batch_id]` of the routes file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchIdSpec {
    /// A program and its arguments; it gets a workunit's number and name as two more, and prints its batch's number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// `[breaker]` of the routes file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSpec {
    /// Seconds that are waited for a rule's outage, all calls together.
    pub outage_seconds: f64,
}

impl Default for BreakerSpec {
    fn default() -> Self {
        Self { outage_seconds: OUTAGE_SECONDS }
    }
}

/// What holds for all routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Who is told of a broken rule.
    pub alert: AlertSpec,
    /// How long a rule's outage is waited for.
    pub breaker: BreakerSpec,
    /// Who knows the number of a workunit's batch.
    pub batch_id: BatchIdSpec,
}

/// The routes of a project.
#[derive(Debug)]
pub struct Routes {
    path: PathBuf,
    /// Where relative paths start: the daemons' working directory.
    directory: PathBuf,
    file: RoutesFile,
    /// Its text, to say where something is; `None`: there is no `routes.toml`, only files beside it.
    text: Option<String>,
    patterns: Vec<NamePattern>,
}

impl Routes {
    /// Reads `routes.toml`; `directory` is where relative paths in it start, that of the daemons. Nothing in it has been
    /// found wrong then but the routes themselves, which are checked when they are used.
    ///
    /// # Errors
    /// There is no routes file, or it is broken.
    pub fn open(routes_toml: &Path, directory: &Path) -> Result<Self, RouteError> {
        let main = read::<RoutesFile>(routes_toml)?;
        if main.is_none() && !route_directory(routes_toml).is_dir() {
            return Err(RouteError::Invalid(format!(
                "failed to find the routes file {}; help: write this file, or set {ROUTES_VARIABLE} to its path",
                routes_toml.display()
            )));
        }
        let (file, text) = main.map_or_else(Default::default, |(file, text)| (file, Some(text)));
        let meaning = |section: &str, message: String| {
            RouteError::Invalid(format!("{}: {section}: {message}", routes_toml.display()))
        };
        let mut patterns = Vec::new();
        for (n, spec) in file.names.iter().enumerate() {
            patterns
                .push(spec.compile().map_err(|error| meaning(&format!("names, entry {}", n + 1), error))?);
        }
        let outage = file.breaker.outage_seconds;
        if !(0.0..=86_400.0).contains(&outage) {
            let message = format!("outage_seconds: {outage}: 0 to 86400 are accepted");
            return Err(meaning("breaker", message));
        }
        let mut errors = file.submitter_rules.as_ref().map(SubmitterRules::errors).unwrap_or_default();
        if let Some(brought) = &file.submitter_rules {
            errors.extend(lacks_batch_id(&file, &brought.assimilate));
        }
        if !errors.is_empty() {
            return Err(meaning("submitter_rules", errors.join("; ")));
        }
        Ok(Self { path: routes_toml.to_owned(), directory: directory.to_owned(), file, text, patterns })
    }

    /// What holds for all routes; `None` if there is no `routes.toml` to say it.
    pub fn settings(&self) -> Option<Settings> {
        self.text.is_some().then(|| Settings {
            alert: self.file.alert.clone(),
            breaker: self.file.breaker,
            batch_id: self.file.batch_id.clone(),
        })
    }

    /// What a workunit's name says.
    pub fn subject(&self, workunit: &str) -> Subject {
        Subject::new(workunit, &self.patterns)
    }

    /// `[submitter_rules]`, if submitters may bring rules.
    pub fn submitter_rules(&self) -> Option<&SubmitterRules> {
        self.file.submitter_rules.as_ref()
    }

    /// The route of a workunit.
    ///
    /// In this order: `routes.toml`'s `[app."APP-HASH"]` and `[app.APP]`, then `routes.d/APP-HASH.toml` and
    /// `routes.d/APP.toml` beside it, then what the bundle brings, where that is allowed, then `[default]`. What the
    /// admin wrote for an app wins. A bundle that may bring its rule and does not is never judged by the default.
    ///
    /// # Errors
    /// No route fits, or the one that does is broken.
    pub fn find(&self, subject: &Subject) -> Result<Routed, RouteError> {
        let keys = subject.keys();
        for key in &keys {
            if let Some(route) = self.file.app.get(key) {
                return self.check_main(route, &["app", key], key);
            }
        }
        for key in &keys {
            let path = route_directory(&self.path).join(format!("{key}.toml"));
            if let Some((route, text)) = read::<Route>(&path)? {
                return self.check(route, &path, &text, &[], key);
            }
        }
        if let (Some(app), Some(hash), Some(brought)) =
            (&subject.app, &subject.hash, &self.file.submitter_rules)
            && brought.allows(app)
        {
            return self.bundle_route(brought, app, hash);
        }
        if let Some(route) = &self.file.default {
            return self.check_main(route, &["default"], "default");
        }
        let key = subject.app.clone();
        Err(RouteError::NoRoute {
            path: self.path.clone(),
            what: match (&subject.app, subject.workunit.as_str()) {
                (_, "") => "files whose names are not BOINC's".to_owned(),
                (None, name) => format!(
                    "workunit {name}, whose name does not contain a science app ([[names]] can define it)"
                ),
                (Some(_), name) => format!("workunit {name}"),
            },
            key: key.unwrap_or_else(|| "APP".to_owned()),
        })
    }

    /// All routes that are written down, by key, each checked.
    pub fn all(&self) -> Vec<(String, Result<Routed, RouteError>)> {
        let app = |(key, route): (&String, &Route)| (key.clone(), self.check_main(route, &["app", key], key));
        let mut found: Vec<_> = self.file.app.iter().map(app).collect();
        let entries = fs::read_dir(route_directory(&self.path)).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Some(key) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else {
                continue;
            };
            let route = read::<Route>(&path).and_then(|read| {
                let (route, text) = read.unwrap_or_default();
                self.check(route, &path, &text, &[], key)
            });
            found.push((key.to_owned(), route));
        }
        if let Some(route) = &self.file.default {
            let route = self.check_main(route, &["default"], "default");
            found.push(("default".to_owned(), route));
        }
        found
    }

    fn bundle_route(&self, brought: &SubmitterRules, app: &str, hash: &str) -> Result<Routed, RouteError> {
        let bundle = format!("{app}-{hash}");
        let (route, script) = brought
            .route(app, hash, &self.directory)
            .map_err(|source| RouteError::BundleRules(bundle.clone(), source))?;
        let routed = route.check().map_err(|errors| {
            RouteError::BundleRules(bundle.clone(), RuleFileError::Invalid(joined(&errors)))
        })?;
        let rule_seconds = Some(brought.rule_seconds);
        Ok(Routed { script, author: Author::Submitter, key: bundle, rule_seconds, ..routed })
    }

    /// Checks a route of routes.toml.
    fn check_main(&self, route: &Route, table: &[&str], key: &str) -> Result<Routed, RouteError> {
        self.check(route.clone(), &self.path, self.text.as_deref().unwrap_or_default(), table, key)
    }

    /// Checks a route of a file with this text, in which it is this table.
    fn check(
        &self,
        route: Route,
        path: &Path,
        text: &str,
        table: &[&str],
        key: &str,
    ) -> Result<Routed, RouteError> {
        let lacks = lacks_batch_id(&self.file, &route.assimilate);
        let checked = match (route.check(), lacks) {
            (checked, None) => checked,
            (checked, Some(text)) => {
                let mut errors = checked.err().unwrap_or_default();
                errors.push(SpecError { path: vec![Step::Key("assimilate".to_owned())], text });
                Err(errors)
            }
        };
        checked.map(|routed| routed.named(key, &self.path)).or_else(|errors| {
            let section = match table {
                [] => "route".to_owned(),
                ["app", key] => format!("app.{key:?}"),
                other => other.join("."),
            };
            let doc = Document::new(path, text);
            for error in errors.iter().take(MAX_LISTED_ERRORS) {
                let table = table.iter().map(|&step| Step::Key(step.to_owned()));
                let steps: Vec<Step> = table.chain(error.path.iter().cloned()).collect();
                let place = doc.locate(&steps).unwrap_or_else(|| Location::file(path));
                doc.note(Diagnostic::new(place, format!("{section}: {error}")));
            }
            Ok(doc.finish(None)?)
        })
    }
}

/// What is wrong if files are to be placed by a number that nobody can tell, in words.
fn lacks_batch_id(file: &RoutesFile, assimilate: &AssimilateRoute) -> Option<String> {
    let is_lacking = assimilate.needs_batch_id() && file.batch_id.command.is_empty();
    is_lacking.then(|| {
        "assimilate: files are placed by the batch's number, which servers do not pass: [batch_id] command is needed"
            .to_owned()
    })
}

fn joined(errors: &[SpecError]) -> String {
    const LISTED: usize = 10;
    let listed: Vec<_> = errors.iter().take(LISTED).map(ToString::to_string).collect();
    match errors.len().checked_sub(LISTED) {
        None | Some(0) => listed.join("; "),
        Some(others) => format!("{}; and {others} more", listed.join("; ")),
    }
}

fn route_directory(routes_toml: &Path) -> PathBuf {
    routes_toml.parent().unwrap_or(Path::new("")).join("routes.d")
}

/// Reads a file, if it is there; also its text, to say where something is.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<(T, String)>, RouteError> {
    let read = if_found(fs::read_to_string(path));
    let Some(text) = read.map_err(FileError::new("failed to read the routes file", path))? else {
        return Ok(None);
    };
    let doc = Document::new(path, &text);
    let value = doc.deserialize();
    Ok(Some((doc.finish(value)?, text)))
}

#[cfg(test)]
mod tests;

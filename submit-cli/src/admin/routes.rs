//! How a project's results are routed to rules, and the state of those rules.

mod scripts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boinc::error_chain::chain;
use boinc::names::workunit::OutputName;
use serde::Serialize;
use validators::breaker::{Breakers, Record};
use validators::routes::{Author, RouteError, Routed, Routes};
use validators::script::Purpose;
use validators::shim::{PROCESS_SPOOL_FLAG, Shim};
use validators::spec::AssimilateKind;
use validators::subject::Subject;

use crate::clock::{Clock, now};

pub use scripts::{ScriptReport, ScriptStatus};

/// Where routes and the rest of the shims' files are in a project.
#[derive(Debug, Clone)]
pub struct ProjectPaths {
    /// The project's directory; whole.
    pub project: PathBuf,
    /// `PROJECT/buoy/routes.toml`.
    pub routes_toml: PathBuf,
    /// A directory just below the project's: relative paths of routes start there, as from the daemons' `tmp_HOST`.
    pub directory: PathBuf,
}

impl ProjectPaths {
    /// In a project's directory, which must have one for the shims.
    ///
    /// # Errors
    /// It has none: a message that says what to do.
    pub fn of_project(project: &Path) -> Result<Self, String> {
        let directory = project.join("buoy");
        if !directory.is_dir() {
            return Err(format!(
                "missing directory {}: name the directory of a BOINC project with --project DIR, and create buoy/ with routes.toml in it",
                directory.display()
            ));
        }
        // Whole, since paths are joined to it and not to the working directory.
        let whole = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
        let (project, directory) = (whole(project)?, whole(&directory)?);
        Ok(Self { project, routes_toml: directory.join("routes.toml"), directory })
    }
}

/// What is known of the routes.
#[derive(Debug, Serialize)]
pub struct RoutesReport {
    pub routes_toml: PathBuf,
    /// Why it cannot be used at all.
    pub broken: Option<String>,
    pub routes: Vec<RouteReport>,
    /// Whose bundles may bring rules.
    pub submitter_rules: Option<String>,
    /// Routes that bundles have brought, of those that sample names lead to.
    pub bundles: Vec<RouteReport>,
    /// Where sample names lead.
    pub names: Vec<NameReport>,
    /// Rules that are suspended at present.
    pub open: Vec<OpenBreaker>,
    /// The elements that config.xml needs.
    pub config_xml: ConfigXml,
}

/// Elements for a project's config.xml.
#[derive(Debug, Serialize)]
pub struct ConfigXml {
    /// For `<daemons>`.
    pub daemons: Vec<String>,
    /// For `<tasks>`.
    pub tasks: Vec<String>,
}

impl ConfigXml {
    /// For the BOINC app that runs science apps.
    fn new(app: &str) -> Self {
        let [init, compare, assimilate] = [Shim::Init, Shim::Compare, Shim::Assimilate].map(Shim::name);
        let daemon = |line: String| format!("<daemon><cmd>{line}</cmd></daemon>");
        let period = "<period>5 min</period>";
        Self {
            daemons: vec![
                daemon(format!(
                    "script_validator --app {app} --init_script {init} --compare_script {compare}"
                )),
                daemon(format!("script_assimilator --app {app} --script {assimilate}")),
            ],
            tasks: vec![format!("<task><cmd>{assimilate} {PROCESS_SPOOL_FLAG}</cmd>{period}</task>")],
        }
    }
}
#[derive(Debug, Serialize)]
pub struct RouteReport {
    /// `APP-HASH`, `APP` or `default`.
    pub key: String,
    /// What it does.
    pub does: String,
    pub scripts: Vec<ScriptReport>,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

/// Where a name leads.
#[derive(Debug, Serialize)]
pub struct NameReport {
    pub name: String,
    pub workunit: String,
    /// Science app, batch and job, as far as the name says them.
    pub app: Option<String>,
    pub batch: Option<String>,
    pub job: Option<String>,
    /// The route's key, or why there is none.
    pub route: Result<String, String>,
}

/// A rule that is suspended.
#[derive(Debug, Serialize)]
pub struct OpenBreaker {
    pub key: String,
    /// What is known of its outage.
    pub record: Record,
}

impl RoutesReport {
    /// Inspects routes, breakers and sample names: workunits', or output files'. `app` is the BOINC app that runs science
    /// apps. With `clock` scripts that judge are run once on made-up results, until the user wants to stop.
    pub fn inspect(paths: &ProjectPaths, names: &[String], app: &str, clock: Option<&dyn Clock>) -> Self {
        let mut report = Self {
            routes_toml: paths.routes_toml.clone(),
            broken: None,
            routes: Vec::new(),
            submitter_rules: None,
            bundles: Vec::new(),
            names: Vec::new(),
            open: open_breakers(paths),
            config_xml: ConfigXml::new(app),
        };
        let routes = match Routes::open(&paths.routes_toml, &paths.directory) {
            Ok(routes) => routes,
            Err(error) => {
                report.broken = Some(chain(&error));
                return report;
            }
        };
        let inspector = Inspector { paths, clock };
        let mut samples: BTreeMap<String, Subject> = BTreeMap::new();
        let mut brought: BTreeMap<String, Routed> = BTreeMap::new();
        for name in names {
            let (subject, route) = sample(&routes, name);
            if let Ok(routed) = &route {
                samples.entry(routed.key.clone()).or_insert_with(|| subject.clone());
            }
            report.names.push(NameReport::new(name, subject, &route));
            if let Ok(routed) = route
                && routed.author == Author::Submitter
            {
                brought.insert(routed.key.clone(), routed);
            }
        }
        let all = routes.all().into_iter();
        report.routes = all.map(|(key, route)| inspector.report(&samples, key, route)).collect();
        let bundles = brought.into_iter();
        report.bundles = bundles.map(|(key, routed)| inspector.report(&samples, key, Ok(routed))).collect();
        report.submitter_rules = routes.submitter_rules().map(|rules| {
            let scripts = match rules.images.is_empty() {
                true => "no scripts".to_owned(),
                false => format!("scripts in {}", rules.images.join(", ")),
            };
            format!("{}: {scripts}; rule files in {}", rules.apps.join(", "), rules.download.display())
        });
        report
    }

    /// Whether nothing has to be fixed.
    pub fn is_good(&self) -> bool {
        self.broken.is_none()
            && self.open.is_empty()
            && self.routes.iter().chain(&self.bundles).all(|route| route.problems.is_empty())
            && self.names.iter().all(|name| name.route.is_ok())
    }
}

/// Inspects one route after the other.
struct Inspector<'a> {
    paths: &'a ProjectPaths,
    clock: Option<&'a dyn Clock>,
}

impl Inspector<'_> {
    /// Inspects a route. Its scripts get a workunit of `samples` that leads there, or a made-up one.
    fn report(
        &self,
        samples: &BTreeMap<String, Subject>,
        key: String,
        route: Result<Routed, RouteError>,
    ) -> RouteReport {
        let routed = match route {
            Ok(routed) => routed,
            Err(error) => {
                let problems = vec![chain(&error)];
                return RouteReport { key, does: String::new(), scripts: Vec::new(), problems };
            }
        };
        let subject = samples.get(&key).cloned().unwrap_or_else(|| scripts::made_up_subject(&key));
        let scripts = scripts::inspect(&routed, &subject, self.clock);
        let problems = problems(self.paths, &routed, &scripts);
        RouteReport { key, does: does(&routed), scripts, problems }
    }
}

fn does(routed: &Routed) -> String {
    let route = &routed.route;
    let mut parts = Vec::new();
    if let Some(outputs) = &route.outputs {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        parts.push(format!("outputs {}", names.join(", ")));
    }
    for purpose in [Purpose::Init, Purpose::Compare, Purpose::Assimilate] {
        let command = routed.script.as_ref().map_or(&[][..], |script| script.spec.command(purpose));
        match (command.is_empty(), purpose) {
            (false, _) => parts.push(format!("{} by {}", purpose.name(), command.join(" "))),
            (true, Purpose::Compare) => parts.push(format!("compare by rule {}", route.validate.rule.name())),
            (true, _) => {}
        }
    }
    let assimilate = &route.assimilate;
    if assimilate.rule == AssimilateKind::Collect {
        parts.push(format!("collect in {}", assimilate.directory.display()));
    }
    if let Some(table) = &assimilate.table {
        parts.push(format!("table {}", table.file.display()));
    }
    if let Some(hook) = &assimilate.hook {
        parts.push(format!("hook {}", hook.url));
    }
    if routed.author == Author::Submitter {
        parts.push("rules of the bundle".to_owned());
    }
    parts.join("; ")
}

fn problems(paths: &ProjectPaths, routed: &Routed, scripts: &[ScriptReport]) -> Vec<String> {
    let broken = scripts.iter().filter_map(|script| match &script.status {
        ScriptStatus::Broken { why } => Some(format!("{} script: {why}", script.purpose.name())),
        _ => None,
    });
    let mut problems: Vec<String> = broken.collect();
    if let Some(hook) = &routed.route.assimilate.hook
        && let Err(error) = std::fs::File::open(paths.directory.join(&hook.secret_file))
    {
        problems.push(format!("hook: {}: {error}", hook.secret_file.display()));
    }
    problems
}

/// What a sample name says, and the route that it leads to.
fn sample(routes: &Routes, name: &str) -> (Subject, Result<Routed, RouteError>) {
    let last = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name);
    let workunit = OutputName::parse(last).map_or_else(|| last.to_owned(), |output| output.workunit);
    let subject = routes.subject(&workunit);
    let route = routes.find(&subject);
    (subject, route)
}

impl NameReport {
    fn new(name: &str, subject: Subject, route: &Result<Routed, RouteError>) -> Self {
        Self {
            name: name.to_owned(),
            workunit: subject.workunit,
            app: subject.app,
            batch: subject.batch,
            job: subject.job,
            route: route.as_ref().map(|routed| routed.key.clone()).map_err(|error| chain(error)),
        }
    }
}

/// The circuit breakers of a project.
pub fn breakers(paths: &ProjectPaths) -> Breakers {
    Breakers::new(&validators::session::breaker_directory(&paths.routes_toml))
}

fn open_breakers(paths: &ProjectPaths) -> Vec<OpenBreaker> {
    // One that can't be read shows in the shims' own log.
    let all = breakers(paths).list(now()).unwrap_or_default();
    all.into_iter()
        .filter(|(_, record)| record.open)
        .map(|(key, record)| OpenBreaker { key, record })
        .collect()
}

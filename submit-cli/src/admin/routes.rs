//! How a project's results are routed to rules, and how those stand.

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

pub use scripts::{Answer, ScriptReport, Standing};

/// Where routes and the rest of the shims' files are in a project.
#[derive(Debug, Clone)]
pub struct Place {
    /// The project's directory; whole.
    pub project: PathBuf,
    /// `PROJECT/buoy/routes.toml`.
    pub routes_toml: PathBuf,
    /// A directory just below the project's: relative paths of routes start there, as from the daemons' `tmp_HOST`.
    pub directory: PathBuf,
}

impl Place {
    /// In a project's directory, which must have one for the shims.
    ///
    /// # Errors
    /// It has none: what to do, in words.
    pub fn of_project(project: &Path) -> Result<Self, String> {
        let directory = project.join("buoy");
        if !directory.is_dir() {
            return Err(format!(
                "{}: not there; name the directory of a BOINC project with --project DIR, and make buoy/ with routes.toml in it",
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
    /// The routes file.
    pub routes_toml: PathBuf,
    /// Why it can't be used at all.
    pub broken: Option<String>,
    /// Each route.
    pub routes: Vec<RouteReport>,
    /// Who may bring rules, in words.
    pub submitter_rules: Option<String>,
    /// Routes that bundles have brought, of those that sample names lead to.
    pub bundles: Vec<RouteReport>,
    /// Where sample names lead.
    pub names: Vec<NameReport>,
    /// Rules that are out at present.
    pub open: Vec<OpenBreaker>,
    /// What belongs into config.xml.
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

/// A route.
#[derive(Debug, Serialize)]
pub struct RouteReport {
    /// `APP-HASH`, `APP` or `default`.
    pub key: String,
    /// What it does, in words.
    pub does: String,
    /// Its scripts.
    pub scripts: Vec<ScriptReport>,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

/// Where a name leads.
#[derive(Debug, Serialize)]
pub struct NameReport {
    /// As given.
    pub name: String,
    /// The workunit's name in it.
    pub workunit: String,
    /// Science app, batch and job, as far as the name says them.
    pub app: Option<String>,
    /// As in the name.
    pub batch: Option<String>,
    /// As in the name.
    pub job: Option<String>,
    /// The route's key, or why there is none.
    pub route: Result<String, String>,
}

/// A rule that is out.
#[derive(Debug, Serialize)]
pub struct OpenBreaker {
    /// Its key.
    pub key: String,
    /// What is known of its outage.
    pub record: Record,
}

impl RoutesReport {
    /// Looks at routes, breakers and sample names: workunits', or output files'. `app` is the BOINC app that runs science
    /// apps. With `clock` scripts that judge are run once on made-up results, until the user wants to stop.
    pub fn look(place: &Place, names: &[String], app: &str, clock: Option<&dyn Clock>) -> Self {
        let mut report = Self {
            routes_toml: place.routes_toml.clone(),
            broken: None,
            routes: Vec::new(),
            submitter_rules: None,
            bundles: Vec::new(),
            names: Vec::new(),
            open: open_breakers(place),
            config_xml: ConfigXml::new(app),
        };
        let routes = match Routes::open(&place.routes_toml, &place.directory) {
            Ok(routes) => routes,
            Err(error) => {
                report.broken = Some(chain(&error));
                return report;
            }
        };
        let looker = Looker { place, clock };
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
        report.routes = all.map(|(key, route)| looker.report(&samples, key, route)).collect();
        let bundles = brought.into_iter();
        report.bundles = bundles.map(|(key, routed)| looker.report(&samples, key, Ok(routed))).collect();
        report.submitter_rules = routes.submitter_rules().map(|brought| {
            let scripts = match brought.images.is_empty() {
                true => "no scripts".to_owned(),
                false => format!("scripts in {}", brought.images.join(", ")),
            };
            format!("{}: {scripts}; rule files in {}", brought.apps.join(", "), brought.download.display())
        });
        report
    }

    /// Whether nothing has to be mended.
    pub fn is_good(&self) -> bool {
        self.broken.is_none()
            && self.open.is_empty()
            && self.routes.iter().chain(&self.bundles).all(|route| route.problems.is_empty())
            && self.names.iter().all(|name| name.route.is_ok())
    }
}

/// Looks at routes.
struct Looker<'a> {
    place: &'a Place,
    clock: Option<&'a dyn Clock>,
}

impl Looker<'_> {
    /// Looks at a route; its scripts are told of a workunit among `samples` that leads there, or of one that there could be.
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
        let scripts = scripts::look(&routed, &subject, self.clock);
        let problems = problems(self.place, &routed, &scripts);
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

fn problems(place: &Place, routed: &Routed, scripts: &[ScriptReport]) -> Vec<String> {
    let broken = scripts.iter().filter_map(|script| match &script.standing {
        Standing::Broken { why } => Some(format!("{} script: {why}", script.purpose.name())),
        _ => None,
    });
    let mut problems: Vec<String> = broken.collect();
    if let Some(hook) = &routed.route.assimilate.hook
        && let Err(error) = std::fs::File::open(place.directory.join(&hook.secret_file))
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
pub fn breakers(place: &Place) -> Breakers {
    Breakers::new(&validators::session::breaker_directory(&place.routes_toml))
}

fn open_breakers(place: &Place) -> Vec<OpenBreaker> {
    // One that can't be read shows in the shims' own log.
    let all = breakers(place).list(now()).unwrap_or_default();
    all.into_iter()
        .filter(|(_, record)| record.open)
        .map(|(key, record)| OpenBreaker { key, record })
        .collect()
}

//! How a project's results are routed.

use std::io::{self, Write};

use boinc::calendar::utc;
use boinc::visible::visible;

use super::terminal;
use crate::admin::routes::{RouteReport, RoutesReport, ScriptReport, ScriptStatus};

/// Prints what the routes do and what is wrong, then the lines for config.xml.
///
/// # Errors
/// stdout is closed.
pub fn text(report: &RoutesReport) -> io::Result<()> {
    let mut out = terminal::out();
    let file = report.routes_toml.display();
    if let Some(broken) = &report.broken {
        writeln!(
            out,
            "broken: {}\n        no result is validated or invalidated until it is fixed",
            visible(broken)
        )?;
        return outages(&mut out, report);
    }
    writeln!(out, "routes   {file}")?;
    for route in &report.routes {
        write_route(&mut out, route)?;
    }
    if let Some(rules) = &report.submitter_rules {
        writeln!(out, "submitter rules for {}", visible(rules))?;
    }
    for bundle in &report.bundles {
        write_route(&mut out, bundle)?;
    }
    for name in &report.names {
        let said = |value: &Option<String>| value.as_deref().unwrap_or("?").to_owned();
        let parts = format!("app {}, batch {}, job {}", said(&name.app), said(&name.batch), said(&name.job));
        match &name.route {
            Ok(key) => writeln!(out, "name     {}: {parts}: route {key}", visible(&name.workunit))?,
            Err(error) => writeln!(out, "name     {}: {parts}: {}", visible(&name.workunit), visible(error))?,
        }
    }
    outages(&mut out, report)?;
    writeln!(out, "\nfor <daemons> in config.xml (script names only, without tokens):")?;
    for daemon in &report.config_xml.daemons {
        writeln!(out, "{daemon}")?;
    }
    writeln!(out, "\nfor <tasks>, to process the spool after a reboot too:")?;
    for task in &report.config_xml.tasks {
        writeln!(out, "{task}")?;
    }
    Ok(())
}

fn write_route(out: &mut impl Write, route: &RouteReport) -> io::Result<()> {
    writeln!(out, "{}", format!("{:<8} {}", route.key, visible(&route.does)).trim_end())?;
    for line in route.scripts.iter().filter_map(script) {
        writeln!(out, "         {}", visible(&line))?;
    }
    for problem in &route.problems {
        writeln!(out, "         wrong: {}", visible(problem))?;
    }
    Ok(())
}

/// The state of a script; `None` if that is a problem, which is listed as one.
fn script(report: &ScriptReport) -> Option<String> {
    let purpose = report.purpose.name();
    match &report.status {
        ScriptStatus::Runs { answer, said } if said.is_empty() => {
            Some(format!("{purpose}: runs, answers {}", answer.word()))
        }
        ScriptStatus::Runs { answer, said } => {
            Some(format!("{purpose}: runs, answers {}: {said}", answer.word()))
        }
        ScriptStatus::Exists { not_run: None } => Some(format!("{purpose}: exists")),
        ScriptStatus::Exists { not_run: Some(why) } => Some(format!("{purpose}: exists; not run: {why}")),
        ScriptStatus::Broken { .. } => None,
    }
}

fn outages(out: &mut impl Write, report: &RoutesReport) -> io::Result<()> {
    for open in &report.open {
        let record = &open.record;
        writeln!(
            out,
            "out      {} since {}, {} failures, the last at {}: {}",
            open.key,
            utc(record.since),
            record.failures,
            utc(record.last_failure),
            visible(&record.error)
        )?;
    }
    Ok(())
}

/// Prints all of it as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(report: &RoutesReport) -> io::Result<()> {
    terminal::pretty_json(report)
}

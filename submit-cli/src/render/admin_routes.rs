//! How a project's results are routed.

use std::io::{self, Write};

use validators::alert::utc;

use super::terminal::harmless;
use crate::admin::routes::RoutesReport;

/// Prints what the routes do and what is wrong, then the lines for config.xml.
///
/// # Errors
/// stdout is closed.
pub fn text(report: &RoutesReport, app: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let file = report.routes_toml.display();
    if let Some(broken) = &report.broken {
        writeln!(
            out,
            "broken: {}\n        nothing is judged and nothing is invalidated until it is mended",
            harmless(broken)
        )?;
        return outages(&mut out, report);
    }
    writeln!(out, "routes   {file}")?;
    for route in &report.routes {
        writeln!(out, "{}", format!("{:<8} {}", route.key, harmless(&route.does)).trim_end())?;
        for problem in &route.problems {
            writeln!(out, "         wrong: {}", harmless(problem))?;
        }
    }
    if let Some(brought) = &report.brought {
        writeln!(out, "brought  {}", harmless(brought))?;
    }
    for name in &report.names {
        let said = |value: &Option<String>| value.as_deref().unwrap_or("?").to_owned();
        let parts = format!("app {}, batch {}, job {}", said(&name.app), said(&name.batch), said(&name.job));
        match &name.route {
            Ok(key) => writeln!(out, "name     {}: {parts}: route {key}", harmless(&name.workunit))?,
            Err(error) => {
                writeln!(out, "name     {}: {parts}: {}", harmless(&name.workunit), harmless(error))?
            }
        }
    }
    outages(&mut out, report)?;
    writeln!(out, "\nfor <daemons> of config.xml; name the scripts alone, without tokens:")?;
    let daemons = [
        format!("script_validator --app {app} --init_script buoy-init --compare_script buoy-compare"),
        format!("script_assimilator --app {app} --script buoy-assimilate"),
    ];
    for daemon in daemons {
        writeln!(out, "<daemon><cmd>{daemon}</cmd></daemon>")?;
    }
    Ok(())
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
            harmless(&record.error)
        )?;
    }
    Ok(())
}

/// Prints all of it as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(report: &RoutesReport) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

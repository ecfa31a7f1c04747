//! The projects a submitter is logged in to.

use std::io::{self, Write};

use boinc::visible::visible;
use serde::Serialize;

use super::terminal;

/// A project, as far as it was asked.
#[derive(Debug, Serialize)]
pub struct Project {
    /// The submitter's name for it.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its universal BOINC app.
    pub app: String,
    /// Verbs use it unless told another.
    pub default: bool,
    /// What it says about itself; `None` where it was not asked.
    #[serde(flatten)]
    pub found: Option<Found>,
}

/// What a project says about itself.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Its name for people.
    pub title: String,
    /// BOINC's version on the server.
    pub server_version: Option<String>,
    /// Seconds that the server's clock is ahead.
    pub clock_skew_seconds: Option<f64>,
}

/// A difference of clocks that is worth a word: deadlines and certificates are about minutes at most.
const SKEW_TOLD_SECONDS: f64 = 120.0;

/// Prints a project that was asked and answered, after a word that says why.
///
/// # Errors
/// stdout is closed.
pub fn found(word: &str, project: &Project) -> io::Result<()> {
    let title = project.found.as_ref().map(|found| visible(&found.title)).unwrap_or_default();
    let default = if project.default { ", the default" } else { "" };
    let Project { name, url, app, .. } = project;
    writeln!(terminal::out(), "{word} {name}: {title} at {url}, app {app}{default}")?;
    let skew = project.found.as_ref().and_then(|found| found.clock_skew_seconds).unwrap_or(0.0);
    if skew.abs() > SKEW_TOLD_SECONDS {
        let way = if skew > 0.0 { "ahead of" } else { "behind" };
        let minutes = (skew.abs() / 60.0).round();
        let _ = writeln!(
            terminal::err(),
            "warning: the project's clock is {minutes} minutes {way} this computer's; set this computer's clock if it is the wrong one"
        );
    }
    Ok(())
}

/// Prints a line for each project.
///
/// # Errors
/// stdout is closed.
pub fn list(projects: &[Project]) -> io::Result<()> {
    let mut out = terminal::out();
    for Project { name, url, app, default, .. } in projects {
        writeln!(out, "{name}  {url}  app {app}{}", if *default { "  (default)" } else { "" })?;
    }
    Ok(())
}

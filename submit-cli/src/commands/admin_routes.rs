//! `buoy admin routes check`: how results are routed to rules, and whether those are in order.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Subcommand;

use super::as_owner::run_as_owner_of;
use crate::admin::routes::{Place, RoutesReport, breakers};
use crate::clock::{Clock, SystemClock};
use crate::exit::Exit;
use crate::render;

/// Arguments of `buoy admin routes`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say how names are routed, what is wrong with routes and scripts, which rules are out, and what config.xml needs; scripts
    /// that judge are run once on made-up outputs
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Names of workunits or of output files, to be routed
    names: Vec<String>,
    /// The project's directory
    #[arg(long, value_name = "DIR", default_value = ".", overrides_with = "project")]
    project: PathBuf,
    /// The BOINC app that runs science apps, for the lines of config.xml
    #[arg(long, value_name = "NAME", default_value = "universal")]
    app: String,
    /// Forget that this rule is out, so that it is tried and waited for at once
    #[arg(long, value_name = "KEY")]
    reset: Vec<String>,
    /// Run no script, only look whether they are there
    #[arg(long)]
    no_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what it sees.
///
/// # Errors
/// stdout is closed, or a breaker can't be reset.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let Verb::Check(args) = &args.verb;
    let place = match Place::of_project(&args.project) {
        Ok(place) => place,
        Err(message) => return Ok(render::refusal(&anyhow!(message))),
    };
    if let Some(exit) = run_as_owner_of(&place.directory, &place)? {
        return Ok(exit);
    }
    for key in &args.reset {
        breakers(&place).reset(key).with_context(|| format!("{key}: cannot forget this outage"))?;
    }
    let report = if args.no_run {
        RoutesReport::look(&place, &args.names, &args.app, None)
    } else {
        // A script is seen to its end, so that no container of one stays behind.
        let clock = SystemClock::catching_signals()?;
        let report = RoutesReport::look(&place, &args.names, &args.app, Some(&clock));
        if clock.interrupted() {
            return Ok(Exit::Interrupted);
        }
        report
    };
    match args.json {
        true => render::admin_routes::json(&report)?,
        false => render::admin_routes::text(&report)?,
    }
    Ok(if report.is_good() { Exit::Done } else { Exit::Findings })
}

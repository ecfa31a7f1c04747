//! `buoy admin routes check`: how results are routed to rules, and whether those are in order.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Subcommand;

use super::not_as_root::refuse_root;
use crate::admin::routes::{ProjectPaths, RoutesReport, breakers};
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::{Clock, SystemClock};

/// Check how results are routed to validation rules
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(CheckArgs),
}

const EXAMPLES: &[Example] = &[
    ("buoy admin routes check", "Check the project in the current directory"),
    (
        "buoy admin routes check --project ~/projects/mine vina-0123abcd__night__aspirin --no-run",
        "Show the route of a workunit, and run no script",
    ),
];

/// Check routes, rules and scripts
///
/// Shows which rule each name is routed to, problems in routes and scripts, rules that are out of order, and the lines that
/// config.xml needs. Scripts that judge results are run once on made-up outputs.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
struct CheckArgs {
    /// Names of workunits or output files to route
    names: Vec<String>,
    /// The project's directory
    #[arg(long, value_name = "DIR", default_value = ".", overrides_with = "project")]
    project: PathBuf,
    /// Name of the universal BOINC app, for the lines of config.xml
    #[arg(long, value_name = "NAME", default_value = "universal")]
    app: String,
    /// Forget the outage of this rule, so that it is tried again at once (can be repeated)
    #[arg(long, value_name = "KEY")]
    reset: Vec<String>,
    /// Only check that scripts exist, without running them
    #[arg(long)]
    no_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Inspects the routes, and prints what it finds.
///
/// # Errors
/// stdout is closed, or a breaker can't be reset.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let Verb::Check(args) = &args.verb;
    let paths = match ProjectPaths::of_project(&args.project) {
        Ok(paths) => paths,
        Err(message) => return Ok(render::refusal(&anyhow!(message))),
    };
    if let Some(exit) = refuse_root(&paths.directory, &paths)? {
        return Ok(exit);
    }
    for key in &args.reset {
        breakers(&paths).reset(key).with_context(|| format!("failed to reset the outage of {key}"))?;
    }
    let report = if args.no_run {
        RoutesReport::inspect(&paths, &args.names, &args.app, None)
    } else {
        // A script is seen to its end, so that no container of one stays behind.
        let clock = SystemClock::catching_signals()?;
        let report = RoutesReport::inspect(&paths, &args.names, &args.app, Some(&clock));
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

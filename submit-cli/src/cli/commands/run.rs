//! `buoy run`: runs a campaign on this computer, through the real wrapper and the real shims.

use std::path::{Path, PathBuf};

use crate::campaign::event::{Event, Reporter, Started};
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::local::runner::Slots;
use crate::local::{self, Options, Retry};
use crate::plan::load::load;
use crate::plan::sources::Sources;
use crate::remote::follow::index::Index;
use boinc::wire::init_data::DockerType;

const EXAMPLES: &[Example] = &[
    ("buoy run my-app", "Run the jobs of an app; results are in ./results"),
    ("buoy run my-app inputs/*.dat --slots 4 --out my-results", "Run one job for each file, four at a time"),
];

/// Run the jobs on this computer
///
/// Runs each job in a container through the same wrapper that volunteers' computers use, compares its replicas, and collects
/// outputs in one directory per job and a table in results.csv. If it is killed or interrupted, run the same command again to
/// resume.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Directory for results; run again with the same directory to resume
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Number of jobs to run in parallel [default: as many as CPUs and memory allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Container engine [default: Docker if it responds, otherwise Podman]
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// Number of times to run each job and compare the results [default: replication in app.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    replicas: Option<u32>,
    /// The project's policy.toml, which limits what jobs may use [default: the strictest policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Retry jobs that failed in an earlier run or whose outputs have been deleted
    #[arg(long)]
    retry: bool,
    /// Keep the slot directories of finished results in DIR/.buoy/kept
    #[arg(long)]
    keep: bool,
    /// Print progress as JSON, one object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum EngineName {
    Docker,
    Podman,
}

/// Enters the campaign in the list of campaigns once it has started: a refused one is not entered.
struct Remembering<'a> {
    results: &'a Path,
    reporter: Box<dyn Reporter>,
}

impl Reporter for Remembering<'_> {
    fn report(&self, event: Event<'_>) {
        if let Event::Started(Started::Run { .. }) = event
            && let Err(error) = Index::of_user().and_then(|index| index.remember(self.results))
        {
            let text = format!("buoy list will not show this campaign: {error}");
            self.reporter.report(Event::Note { text: &text });
        }
        self.reporter.report(event);
    }
}

/// Loads the plan and runs it.
///
/// # Errors
/// The campaign could not be run to its end.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load(&args.sources) {
        Ok(plan) => plan,
        Err(list) => return Ok(render::mistakes(&list, args.json)?),
    };
    render::warnings(&plan.warnings);
    let options = Options {
        results: args.out.clone(),
        slots: args.slots,
        engine: args.engine.map(|name| match name {
            EngineName::Docker => DockerType::Docker,
            EngineName::Podman => DockerType::Podman,
        }),
        replicas: args.replicas,
        policy: args.policy.clone(),
        keep: if args.keep { Slots::Keep } else { Slots::Empty },
        retry: if args.retry { Retry::Failed } else { Retry::Never },
    };
    let reporter =
        Remembering { results: &args.out, reporter: render::events::reporter(args.json, &args.out) };
    match local::run(&plan, &options, &reporter) {
        Ok(summary) if summary.interrupted => Ok(Exit::Interrupted),
        Ok(summary) if summary.jobs.finished() < summary.jobs.total() => Ok(Exit::HostCannot),
        Ok(summary) if summary.jobs.failed > 0 => Ok(Exit::JobsFailed),
        Ok(_) => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}

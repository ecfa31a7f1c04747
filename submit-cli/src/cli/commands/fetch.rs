//! `buoy fetch`: downloads outputs and updates the table of results.

use std::path::PathBuf;

use crate::campaign::{Campaign, CampaignError};
use crate::cli::commands::connect::connect;
use crate::cli::commands::which_campaign::CampaignAndJobs;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::SystemClock;
use crate::project::retry;
use crate::remote::fetch::{self, FetchError, Options, Outcome};

const EXAMPLES: &[Example] = &[
    ("buoy fetch", "Fetch what has finished since the last time"),
    ("buoy fetch results aspirin caffeine --to /scratch/two", "Fetch two jobs to another directory"),
];

/// Download the outputs of finished jobs and update results.csv
///
/// Outputs go to one directory per job. Jobs that were fetched before are skipped unless they are named. The outputs of a
/// `buoy run` are here already: then only results.csv is updated, and --to makes copies. If it is interrupted, run the same
/// command again to resume.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Directory for the outputs and a results.csv of their own [default: the campaign's directory]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Number of jobs to download in parallel
    #[arg(long, value_name = "N", default_value_t = fetch::DEFAULT_PARALLEL, value_parser = parallel)]
    parallel: usize,
    /// Print progress as JSON, one object per line
    #[arg(long)]
    json: bool,
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=64) => Ok(n),
        _ => Err("expected a number from 1 to 64".to_owned()),
    }
}

/// Fetches from the project, or copies what a local run has collected.
///
/// # Errors
/// There is no campaign, or a file can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.which.split();
    let mut campaign = Campaign::open_to_read(dir)?;
    let meta = campaign.meta()?.ok_or_else(|| CampaignError::Missing { dir: dir.to_owned() })?;
    let options = Options {
        results: dir.to_owned(),
        to: args.to.clone(),
        jobs: jobs.to_vec(),
        parallel: args.parallel,
        retry: retry::QUERIES,
    };
    let clock = SystemClock::catching_signals()?;
    let reporter = render::events::reporter(args.json, dir);
    if meta.project.is_none() {
        let copied = fetch::copy(&campaign, &meta, &options, reporter.as_ref(), &clock);
        return exit(copied, args.json);
    }
    let client = connect(&meta)?;
    exit(fetch::fetch(&mut campaign, &meta, &client, &options, reporter.as_ref(), &clock), args.json)
}

/// Prints what came of a fetch, and gives the exit code.
///
/// # Errors
/// A file cannot be read or written, or the project refuses; stdout is closed.
pub fn exit(fetched: Result<Outcome, FetchError>, json: bool) -> anyhow::Result<Exit> {
    match fetched {
        Ok(outcome) => {
            if !json {
                render::path(&outcome.table)?;
            }
            Ok(if outcome.interrupted {
                Exit::Interrupted
            } else if outcome.missing + outcome.remaining > 0 {
                Exit::HostCannot
            } else {
                Exit::Done
            })
        }
        Err(FetchError::Campaign(error)) => Err(error.into()),
        Err(FetchError::Project { project, source }) => {
            // What to do depends on what the project said.
            let said = anyhow::Error::from(*source);
            Err(said.context(format!("failed to fetch outputs from project {project}")))
        }
        Err(error) => Err(error.into()),
    }
}

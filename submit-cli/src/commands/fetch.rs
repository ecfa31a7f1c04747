//! `buoy fetch`: the table of what has been collected so far, and the outputs where they are wanted.

mod local;

use std::path::PathBuf;

use crate::campaign::sent::Facts;
use crate::campaign::{Campaign, CampaignError};
use crate::clock::{Clock, SystemClock};
use crate::commands::connect::connect;
use crate::commands::which_campaign::CampaignAndJobs;
use crate::exit::Exit;
use crate::fetch::{self, FetchError, Options};
use crate::project::client::ProjectClient;
use crate::project::retry::RetryPolicy;
use crate::render;

/// Arguments of `buoy fetch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Put outputs here, a directory for each job, with a table of its own [default: the campaign's directory]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Download so many jobs at a time
    #[arg(long, value_name = "N", default_value_t = fetch::DEFAULT_PARALLEL, value_parser = parallel)]
    parallel: usize,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=64) => Ok(n),
        _ => Err("a number from 1 to 64 is wanted".to_owned()),
    }
}

/// Fetches from the project, or copies what a local run has collected.
///
/// # Errors
/// There is no campaign, or a file can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.which.split();
    let mut campaign = Campaign::open_to_read(dir)?;
    let Some(facts) = campaign.facts()? else {
        return local::run(&campaign, dir, jobs, args.to.as_deref(), args.json);
    };
    let client = connect(&facts)?;
    let options = Options {
        results: dir.to_owned(),
        to: args.to.clone(),
        jobs: jobs.to_vec(),
        parallel: args.parallel,
        retry: RetryPolicy::default(),
    };
    let clock = SystemClock::catching_signals()?;
    bring(&mut campaign, &facts, &client, &options, &clock, args.json)
}

/// Fetches, shows how it goes, and says what that means for whoever called.
///
/// # Errors
/// A file can't be read or written, or the project refuses; stdout is closed.
pub fn bring(
    campaign: &mut Campaign,
    facts: &Facts,
    client: &ProjectClient,
    options: &Options,
    clock: &dyn Clock,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut reporter = render::fetch::reporter(json);
    match fetch::fetch(campaign, facts, client, options, reporter.as_mut(), clock) {
        Ok(outcome) => {
            if !json {
                render::path(&outcome.table)?;
            }
            Ok(match () {
                () if outcome.interrupted => Exit::Interrupted,
                () if outcome.gone + outcome.left > 0 => Exit::HostCannot,
                () => Exit::Done,
            })
        }
        Err(error @ (FetchError::UnknownJob(_) | FetchError::Campaign(CampaignError::Missing { .. }))) => {
            Ok(render::refusal(&error.into()))
        }
        Err(FetchError::Project { project, source }) => {
            // What to do depends on what the project said.
            let said = anyhow::Error::from(*source);
            Err(said.context(format!("the project {project} does not give its outputs")))
        }
        Err(error) => Err(error.into()),
    }
}

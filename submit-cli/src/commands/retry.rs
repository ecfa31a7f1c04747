//! `buoy retry`: submits failed jobs of a campaign once more.

use crate::campaign::Campaign;
use crate::clock::SystemClock;
use crate::commands::connect::connect;
use crate::commands::submit;
use crate::commands::which_campaign::{CampaignAndJobs, check_jobs};
use crate::exit::Exit;
use crate::follow::retry::{Changes, retry};
use crate::submission::Options;
use crate::{follow, render, submission};

/// Arguments of `buoy retry`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Give them another memory, disk, deadline, flops, flops_bound, quorum, total, max_errors, max_success or max_total,
    /// written as in app.toml: memory="4 GB"
    #[arg(long, value_name = "KEY=VALUE")]
    with: Vec<String>,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

/// Adds a round for the failed jobs, and submits it.
///
/// # Errors
/// There is no campaign, another `buoy` works on it, no job has failed, a change is not understood; what stopped the
/// submission. The same command goes on then.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.which.split();
    let changes = Changes::parse(&args.with)?;
    let facts = follow::facts(&Campaign::open_to_read(dir)?, "buoy run --retry tries its failed jobs again")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    check_jobs(&campaign, jobs)?;
    let client = connect(&facts)?;
    let retried = retry(&mut campaign, jobs, &changes)?;
    render::following::retried(&retried, &changes, args.json)?;
    let clock = SystemClock::catching_signals()?;
    let reporter = render::submit::reporter(args.json);
    let options = Options::in_directory(dir);
    match submission::go_on(&mut campaign, &client, &clock, reporter.as_ref(), &options) {
        Ok(_) => Ok(Exit::Done),
        Err(error) => submit::ended(error),
    }
}

//! `buoy watch`: follows a submitted campaign until all jobs have finished.

use crate::campaign::Campaign;
use crate::cli::commands::connect::connect;
use crate::cli::commands::which_campaign::{OneCampaign, remember};
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::SystemClock;
use crate::remote::follow::watch::{Watched, watch};
use crate::{cli::render, remote::follow};

const EXAMPLES: &[Example] = &[
    ("buoy watch", "Follow the campaign in ./results"),
    ("buoy watch my-results --json", "Print events for a program"),
];

/// Follow a submitted campaign until all jobs have finished
///
/// Asks the project for changes every 5 seconds at first, and less often while nothing changes, down to every 5 minutes.
/// Ctrl-C ends the watch only: the jobs continue. The exit code is 1 if jobs failed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    campaign: OneCampaign,
    /// Print progress as JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Watches. Ctrl-C ends the watch and changes nothing.
///
/// # Errors
/// There is no campaign, its file can't be read or written, or the project refuses us.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut campaign = Campaign::open_to_follow(args.campaign.dir())?;
    let meta = follow::submitted(&campaign, "buoy status shows its state")?;
    let client = connect(&meta)?;
    remember(args.campaign.dir());
    let clock = SystemClock::catching_signals()?;
    let reporter = render::events::reporter(args.json, args.campaign.dir());
    let watched = watch(&mut campaign, &client, &clock, reporter.as_ref())?;
    Ok(exit(watched))
}

/// The exit code after a watch.
pub fn exit(watched: Watched) -> Exit {
    match watched {
        Watched::Interrupted(_) => Exit::Interrupted,
        Watched::Over(jobs) if jobs.finished() < jobs.total() => Exit::HostCannot,
        Watched::Over(jobs) if jobs.failed > 0 => Exit::JobsFailed,
        Watched::Over(_) => Exit::Done,
    }
}

//! `buoy watch`: shows how a campaign goes on at its project, until all jobs are over.

use crate::campaign::Campaign;
use crate::clock::SystemClock;
use crate::commands::connect::connect;
use crate::commands::which_campaign::{OneCampaign, remember};
use crate::exit::Exit;
use crate::follow::watch::{Watched, watch};
use crate::{follow, render};

/// Arguments of `buoy watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    campaign: OneCampaign,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

/// Watches. Ctrl-C ends the watch and changes nothing.
///
/// # Errors
/// There is no campaign, its file can't be read or written, or the project refuses us.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut campaign = Campaign::open_to_follow(args.campaign.dir())?;
    let facts = follow::facts(&campaign, "buoy run shows how it goes, buoy status where it stands")?;
    let client = connect(&facts)?;
    remember(args.campaign.dir());
    let clock = SystemClock::catching_signals()?;
    let mut reporter = render::watch::reporter(args.json, args.campaign.dir());
    let watched = watch(&mut campaign, &client, &clock, reporter.as_mut())?;
    Ok(exit(watched))
}

/// The exit code after a watch.
pub fn exit(watched: Watched) -> Exit {
    match watched {
        Watched::Interrupted(_) => Exit::Interrupted,
        Watched::Over(jobs) if jobs.over() < jobs.total() => Exit::HostCannot,
        Watched::Over(jobs) if jobs.failed > 0 => Exit::JobsFailed,
        Watched::Over(_) => Exit::Done,
    }
}

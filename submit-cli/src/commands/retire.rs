//! `buoy retire`: tells the project that a campaign's files are not needed any more.

use crate::campaign::Campaign;
use crate::clock::now;
use crate::commands::connect::connect;
use crate::commands::which_campaign::OneCampaign;
use crate::exit::Exit;
use crate::follow::poll::{Eagerness, is_settled, poll};
use crate::follow::retire::{losses, retire};
use crate::{follow, render};

/// Arguments of `buoy retire`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    campaign: OneCampaign,
    /// Also if jobs are not over, or outputs have not been fetched: both are lost then
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Retires each batch of the campaign.
///
/// # Errors
/// There is no campaign, another `buoy` works on it, the project can't be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let dir = args.campaign.dir();
    let facts = follow::facts(&Campaign::open_to_read(dir)?, "its directory can be removed")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    let client = connect(&facts)?;
    if !is_settled(&campaign)? {
        poll(&mut campaign, &client, now(), Eagerness::Eager)?;
    }
    let losses = losses(&campaign)?;
    if !losses.is_none() && !args.force {
        return Ok(render::refusal(&anyhow::anyhow!(
            "{} jobs are not over (buoy watch, or buoy abort), and the outputs of {} finished jobs are not here (buoy fetch); \
             both would be lost. --force retires the campaign all the same",
            losses.open,
            losses.unfetched
        )));
    }
    let batches = retire(&mut campaign, &client, now())?;
    render::following::retired(batches, args.json)?;
    Ok(Exit::Done)
}

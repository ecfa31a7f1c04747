//! `buoy retire`: lets the project delete the files of a campaign.

use crate::campaign::Campaign;
use crate::cli::commands::connect::connect;
use crate::cli::commands::which_campaign::OneCampaign;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::now;
use crate::remote::follow::poll::{Eagerness, is_settled, poll};
use crate::remote::follow::retire::{losses, retire};
use crate::{cli::render, remote::follow};

const EXAMPLES: &[Example] = &[
    ("buoy retire", "Retire the campaign in ./results"),
    ("buoy retire my-results --force", "Retire a campaign whose outputs are not needed"),
];

/// Let the project delete the files of a campaign
///
/// After this the project may delete the inputs and outputs of the campaign. Refuses while jobs are unfinished or outputs have
/// not been fetched.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    campaign: OneCampaign,
    /// Retire even if jobs are unfinished or outputs have not been fetched; both are then lost
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
    let meta = follow::submitted(&Campaign::open_to_read(dir)?, "remove its directory instead")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    let client = connect(&meta)?;
    if !is_settled(&campaign)? {
        poll(&mut campaign, &client, now(), Eagerness::Eager)?;
    }
    let losses = losses(&campaign)?;
    if !losses.is_none() && !args.force {
        return Ok(render::refusal(&anyhow::anyhow!(
            "{} jobs are unfinished (see buoy watch or buoy abort), and the outputs of {} finished jobs have not been fetched \
             (see buoy fetch); both would be lost. Use --force to retire the campaign anyway",
            losses.open,
            losses.unfetched
        )));
    }
    let batches = retire(&mut campaign, &client, now())?;
    render::actions::retired(batches, args.json)?;
    Ok(Exit::Done)
}

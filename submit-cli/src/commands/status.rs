//! `buoy status`: says where a campaign stands.

use std::path::PathBuf;

use crate::campaign::Campaign;
use crate::exit::Exit;
use crate::local::prepare::meta;
use crate::render;
use crate::standing::standing;

/// Arguments of `buoy status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the campaign file and prints what it says.
///
/// # Errors
/// There is no campaign, or its file can't be read; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let campaign = Campaign::open_to_read(&args.out)?;
    let jobs = campaign.jobs()?;
    let app = campaign.meta(meta::APP)?.unwrap_or_default();
    let batch = campaign.meta(meta::BATCH)?.unwrap_or_default();
    let standing = standing(app, batch, Campaign::is_active(&args.out)?, &jobs);
    match args.json {
        true => render::standing::json(&standing)?,
        false => render::standing::text(&standing)?,
    }
    Ok(Exit::Done)
}

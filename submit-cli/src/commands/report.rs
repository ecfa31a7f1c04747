//! `buoy report`: a campaign as one HTML page.

use std::path::PathBuf;

use crate::campaign::Campaign;
use crate::clock::now;
use crate::exit::Exit;
use crate::{render, report};

/// Arguments of `buoy report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The campaign: its directory of results
    #[arg(value_name = "CAMPAIGN", default_value = "results")]
    campaign: PathBuf,
    /// Where to write the page [default: report.html in the campaign's directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Writes the page and prints where it is.
///
/// # Errors
/// There is no campaign, or a file can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let campaign = Campaign::open_to_read(&args.campaign)?;
    let file = args.output.clone().unwrap_or_else(|| args.campaign.join(report::REPORT_FILE));
    report::write(&campaign, &args.campaign, &file, now())?;
    match args.json {
        true => render::page_json(&file)?,
        false => render::path(&file)?,
    }
    Ok(Exit::Done)
}

//! `buoy report`: writes an HTML report of a campaign.

use std::path::PathBuf;

use crate::campaign::Campaign;
use crate::campaign::results::REPORT_FILE;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::now;
use crate::{cli::render, report};

const EXAMPLES: &[Example] = &[
    ("buoy report", "Write results/report.html"),
    ("buoy report my-results -o screen-7.html", "Report another campaign to another file"),
];

/// Write an HTML report of a campaign
///
/// The report is one file that needs no network: totals, progress over time, run times, failures by cause, and all jobs with
/// links to their outputs. It shows the last known state; run `buoy status` first to update the state of a submitted campaign.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Campaign, given by its directory of results
    #[arg(value_name = "CAMPAIGN", default_value = "results")]
    campaign: PathBuf,
    /// File to write [default: report.html in the campaign's directory]
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
    let file = args.output.clone().unwrap_or_else(|| args.campaign.join(REPORT_FILE));
    report::write(&campaign, &args.campaign, &file, now())?;
    let page = serde_json::json!({ "page": file.display().to_string() });
    render::output(args.json, &page, || render::path(&file))?;
    Ok(Exit::Done)
}

//! `buoy abort`: aborts a submitted campaign, or some of its jobs.

use crate::campaign::Campaign;
use crate::cli::commands::connect::connect;
use crate::cli::commands::question::declined;
use crate::cli::commands::which_campaign::CampaignAndJobs;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::now;
use crate::remote::follow::abort::{abort_campaign, abort_jobs};
use crate::{cli::render, remote::follow};

const EXAMPLES: &[Example] = &[
    ("buoy abort", "Abort all jobs of the campaign in ./results"),
    ("buoy abort my-results aspirin --yes", "Abort one job without a prompt"),
];

/// Abort a submitted campaign, or some of its jobs
///
/// Finished jobs keep their outputs. Volunteers' computers stop when they next contact the project. Aborting again does no
/// harm, so repeat the command after a failed connection. To stop a `buoy run`, press Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Abort without asking for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Aborts the campaign, or some of its jobs.
///
/// # Errors
/// There is no campaign, another `buoy` works on it, a job is not known, the project can't be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.which.split();
    // Is one there at all? Opening it for work would make one.
    let meta = follow::submitted(&Campaign::open_to_read(dir)?, "press Ctrl-C to stop a buoy run")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    campaign.check_jobs(jobs)?;
    let rows = jobs
        .iter()
        .filter_map(|job| campaign.attempts(job).map(|mut attempts| attempts.pop()).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let counts = campaign.counts()?;
    let open = match jobs.is_empty() {
        true => counts.total() - counts.finished(),
        false => rows.iter().filter(|row| !row.state.is_finished()).count(),
    };
    if open == 0 {
        return Ok(render::refusal(&anyhow::anyhow!("nothing to abort: these jobs have finished")));
    }
    if !args.yes {
        let question = format!(
            "abort {open} job{} of {}, batch {}, at {}?",
            if open == 1 { "" } else { "s" },
            meta.app,
            meta.batch,
            meta.project().url
        );
        if let Some(exit) = declined(&question)? {
            return Ok(exit);
        }
    }
    let client = connect(&meta)?;
    let aborted = match jobs.is_empty() {
        true => abort_campaign(&mut campaign, &client, now())?,
        false => abort_jobs(&mut campaign, &client, now(), &rows)?,
    };
    render::actions::aborted(&aborted, args.json)?;
    Ok(Exit::Done)
}

//! `buoy abort`: takes back what was submitted to a project.

use crate::campaign::Campaign;
use crate::clock::now;
use crate::commands::connect::connect;
use crate::commands::question::declined;
use crate::commands::which_campaign::{CampaignAndJobs, check_jobs};
use crate::exit::Exit;
use crate::follow::abort::{abort_campaign, abort_jobs};
use crate::{follow, render};

/// Arguments of `buoy abort`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Don't ask whether that is meant
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
    let facts = follow::facts(&Campaign::open_to_read(dir)?, "Ctrl-C ends a buoy run")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    check_jobs(&campaign, jobs)?;
    let rows = jobs
        .iter()
        .filter_map(|job| campaign.attempts(job).map(|mut attempts| attempts.pop()).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let counts = campaign.counts()?;
    let open = match jobs.is_empty() {
        true => counts.total() - counts.over(),
        false => rows.iter().filter(|row| !row.state.is_over()).count(),
    };
    if open == 0 {
        return Ok(render::refusal(&anyhow::anyhow!("nothing to abort: these jobs are over")));
    }
    if !args.yes {
        let question = format!(
            "abort {open} job{} of {}, batch {}, at {}?",
            if open == 1 { "" } else { "s" },
            facts.app,
            facts.batch,
            facts.url
        );
        if let Some(exit) = declined(&question, "aborts")? {
            return Ok(exit);
        }
    }
    let client = connect(&facts)?;
    let aborted = match jobs.is_empty() {
        true => abort_campaign(&mut campaign, &client, now())?,
        false => abort_jobs(&mut campaign, &client, now(), &rows)?,
    };
    render::following::aborted(&aborted, args.json)?;
    Ok(Exit::Done)
}

//! `buoy retry`: submits failed jobs again.

use crate::campaign::Campaign;
use crate::campaign::event::Event;
use crate::cli::commands::connect::connect;
use crate::cli::commands::submit;
use crate::cli::commands::which_campaign::CampaignAndJobs;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::{SystemClock, now};
use crate::remote::follow::poll::{Eagerness, Problem, poll};
use crate::remote::follow::retry::{Changes, retry};
use crate::remote::submission::Options;
use crate::{cli::render, remote::follow, remote::submission};

const EXAMPLES: &[Example] = &[
    ("buoy retry --with memory=\"4 GB\"", "Retry all failed jobs with more memory"),
    ("buoy retry my-results aspirin caffeine", "Retry two jobs of a campaign as they were"),
];

/// Submit failed jobs again
///
/// Asks the project for the state of all jobs, then submits those that failed, or the named ones, with the same inputs and
/// arguments. A retry keeps the limits that the retry
/// before it has set. For a campaign on this computer, use `buoy run --retry`.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    which: CampaignAndJobs,
    /// Override a resource limit for the retried jobs, e.g. memory="4 GB"
    ///
    /// Keys are memory, disk, deadline, flops, flops_bound, quorum, total, max_errors, max_success and max_total, with values
    /// as in app.toml. Repeat the option to override several.
    #[arg(long, value_name = "KEY=VALUE")]
    with: Vec<String>,
    /// Print progress as JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Asks the server which jobs have failed, adds a round for them, and submits it.
///
/// # Errors
/// There is no campaign, another `buoy` works on it, no job has failed, a change is not understood; what stopped the
/// submission; the same command then resumes it.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.which.split();
    let changes = Changes::parse(&args.with)?;
    let meta =
        follow::submitted(&Campaign::open_to_read(dir)?, "use buoy run --retry to retry its failed jobs")?;
    let mut campaign = Campaign::open_for_run(dir)?;
    campaign.check_jobs(jobs)?;
    let client = connect(&meta)?;
    let reporter = render::events::reporter(args.json, dir);
    for Problem { batch, error } in poll(&mut campaign, &client, now(), Eagerness::Eager)?.problems {
        reporter.report(Event::BatchUnavailable { batch: &batch, why: &error.to_string() });
    }
    let retried = retry(&mut campaign, jobs, &changes)?;
    render::actions::retried(&retried, &changes, args.json)?;
    let clock = SystemClock::catching_signals()?;
    let options = Options::in_directory(dir);
    match submission::resume(&mut campaign, &client, &clock, reporter.as_ref(), &options) {
        Ok(_) => Ok(Exit::Done),
        Err(error) => submit::ended(error),
    }
}

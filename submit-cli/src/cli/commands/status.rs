//! `buoy status`: shows the state of a campaign.

use crate::campaign::Campaign;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::status::{Listing, Status};
use crate::cli::commands::connect::{connect, is_refusal, project_error};
use crate::cli::commands::which_campaign::OneCampaign;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::now;
use crate::project::error::ProjectError;
use crate::remote::follow::FollowError;
use crate::remote::follow::poll::{Eagerness, is_settled, poll};

const EXAMPLES: &[Example] = &[
    ("buoy status", "Show the campaign in ./results"),
    (
        "buoy status my-results --jobs --offline",
        "List the jobs of another campaign without asking the project",
    ),
];

/// Show the state of a campaign
///
/// Shows the number of jobs in each state, and failures grouped by cause. The project of a submitted campaign is asked for
/// changes first; if it is unreachable, `buoy status` says so and shows the last known state with its age.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    campaign: OneCampaign,
    /// Show the last known state without asking the project
    #[arg(long)]
    offline: bool,
    /// List all jobs
    #[arg(long)]
    jobs: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Asks the project, if the campaign went to one, and prints what the campaign file says.
///
/// # Errors
/// There is no campaign, or its file can't be read; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let dir = args.campaign.dir();
    let mut campaign = Campaign::open_to_follow(dir)?;
    let problem = match campaign.submitted_meta()? {
        Some(meta) if !args.offline && !is_settled(&campaign)? => ask(&mut campaign, &meta)?,
        _ => None,
    };
    let listing = if args.jobs { Listing::Jobs } else { Listing::Figures };
    let mut status = Status::read(&campaign, Campaign::is_active(dir)?, listing, now())?;
    status.problem = problem.as_ref().map(|error| format!("{error:#}"));
    render::output(args.json, &status, || render::status::text(&status, dir))?;
    let Some(error) = problem else { return Ok(Exit::Done) };
    if let Some(help) = project_error(&error).and_then(ProjectError::help) {
        render::help(&help);
    }
    // The last known state was shown, with its age. Will the project be back in a while, or does the user have to act?
    Ok(if project_error(&error).is_some_and(ProjectError::try_again) {
        Exit::Done
    } else if is_refusal(&error) {
        Exit::BadInput
    } else {
        Exit::HostCannot
    })
}

/// Asks the project; why it could not be asked.
fn ask(campaign: &mut Campaign, meta: &CampaignMeta) -> anyhow::Result<Option<anyhow::Error>> {
    let client = match connect(meta) {
        Ok(client) => client,
        Err(error) => return Ok(Some(error)),
    };
    match poll(campaign, &client, now(), Eagerness::Eager) {
        Ok(polled) => Ok(polled
            .problems
            .into_iter()
            .next()
            .map(|problem| anyhow::Error::new(problem.error).context(format!("batch {}", problem.batch)))),
        Err(FollowError::Project(error)) => Ok(Some(error.into())),
        Err(error) => Err(error.into()),
    }
}

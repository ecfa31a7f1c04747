//! `buoy status`: shows the state of a campaign.

use crate::campaign::Campaign;
use crate::campaign::meta;
use crate::campaign::standing::{self, standing};
use crate::cli::commands::connect::{connect, is_refusal, project_error};
use crate::cli::commands::which_campaign::OneCampaign;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::now;
use crate::project::error::ProjectError;
use crate::remote::follow::FollowError;
use crate::remote::follow::poll::{Eagerness, is_settled, poll};
use crate::remote::follow::standing::Listing;
use crate::{campaign::sent::Facts, remote::follow};

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
    let mut campaign = Campaign::open_to_follow(args.campaign.dir())?;
    match campaign.facts()? {
        Some(facts) => of_project(args, &mut campaign, &facts),
        None => of_run(args, &campaign),
    }
}

fn of_run(args: &Args, campaign: &Campaign) -> anyhow::Result<Exit> {
    let jobs = campaign.jobs()?;
    let app = campaign.meta(meta::APP)?.unwrap_or_default();
    let batch = campaign.meta(meta::BATCH)?.unwrap_or_default();
    let mut standing = standing(app, batch, Campaign::is_active(args.campaign.dir())?, &jobs);
    if args.jobs {
        standing.list = Some(standing::list(&jobs));
    }
    match args.json {
        true => render::standing::json(&standing)?,
        false => render::standing::text(&standing, args.campaign.dir())?,
    }
    Ok(Exit::Done)
}

fn of_project(args: &Args, campaign: &mut Campaign, facts: &Facts) -> anyhow::Result<Exit> {
    let problem = match args.offline || is_settled(campaign)? {
        true => None,
        false => ask(campaign, facts)?,
    };
    let listing = if args.jobs { Listing::Jobs } else { Listing::Figures };
    let active = Campaign::is_active(args.campaign.dir())?;
    let mut standing = follow::standing::standing(campaign, active, listing, now())?;
    standing.problem = problem.as_ref().map(|error| format!("{error:#}"));
    match args.json {
        true => render::following::json(&standing)?,
        false => render::following::text(&standing, args.campaign.dir())?,
    }
    let Some(error) = problem else { return Ok(Exit::Done) };
    if let Some(help) = project_error(&error).and_then(ProjectError::help) {
        render::help(&help);
    }
    // What is known was shown, with its age. Will the project be back in a while, or does the user have to act?
    Ok(match () {
        () if project_error(&error).is_some_and(ProjectError::try_again) => Exit::Done,
        () if is_refusal(&error) => Exit::BadInput,
        () => Exit::HostCannot,
    })
}

/// Asks the project; why it could not be asked.
fn ask(campaign: &mut Campaign, facts: &Facts) -> anyhow::Result<Option<anyhow::Error>> {
    let client = match connect(facts) {
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

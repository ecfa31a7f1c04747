//! `buoy submit`: sends a campaign to a project.

use std::path::PathBuf;

use crate::campaign::Campaign;
use crate::cli::commands::fetch::exit as fetch_exit;
use crate::cli::commands::question::declined;
use crate::cli::commands::watch;
use crate::cli::commands::which_campaign::remember;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::clock::{SystemClock, now};
use crate::package::template::Templates;
use crate::plan::load::load;
use crate::plan::sources::Sources;
use crate::project::client::ProjectClient;
use crate::project::config::Projects;
use crate::project::error::ProjectError;
use crate::project::retry;
use crate::remote::submission::app_version::{self, AppKind, AppVersionError};
use crate::remote::submission::limits::ServerLimits;
use crate::remote::submission::submission_plan::{SubmissionPlan, SubmissionPlanError, submission};
use crate::remote::submission::{self, BATCH_JOBS, Options, SubmitError, UPLOADS, dry_run};
use crate::{cli::render, remote::fetch, remote::follow};

const EXAMPLES: &[Example] = &[
    ("buoy submit my-app --dry-run", "Show which requests would be sent"),
    (
        "buoy submit my-app ligands.csv --detach --yes",
        "Submit one job for each row of a table, and return at once",
    ),
];

/// Submit jobs to a BOINC project
///
/// Checks everything offline and asks for confirmation. Then uploads the files that the server does not have, creates the
/// jobs, follows them until all have finished, and fetches their outputs. If it is killed or interrupted, run the same command
/// again to resume: no job is submitted twice.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Project, by its name in buoy login --list [default: the only one, or the default project]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Directory for results and the campaign file; run again with the same directory to resume
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Return once all jobs are submitted, without waiting for results
    #[arg(long)]
    detach: bool,
    /// Show the number and size of the requests without sending anything
    #[arg(long)]
    dry_run: bool,
    /// Submit without asking for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Number of parallel uploads
    #[arg(long, value_name = "N", default_value_t = UPLOADS, value_parser = clap::value_parser!(u16).range(1..=32))]
    uploads: u16,
    /// Maximum number of jobs in a batch; a batch is one request, so server limits can make it smaller
    #[arg(long, value_name = "N", default_value_t = BATCH_JOBS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_jobs: u32,
    /// Directory of templates that replace the built-in ones (batch/workunit_in.xml.tera, batch/workunit_out.xml.tera)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// The project's app is a single-purpose app that holds these files of the science app; do not compare them
    ///
    /// Jobs then bring only their own inputs. Without this option, the project is asked what its app versions hold.
    #[arg(long)]
    installed: bool,
    /// Print progress as JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Whether the BOINC app is a single-purpose app, if the user says so or the campaign has found out.
fn recorded_kind(args: &Args) -> Option<bool> {
    if args.installed {
        return Some(true);
    }
    let campaign = Campaign::open_to_read(&args.out).ok()?;
    Some(campaign.submitted_meta().ok()??.is_single)
}

/// Checks everything offline, then sends, then watches until all jobs are over.
///
/// # Errors
/// The campaign file or the project failed; what was done stays, and the same command resumes.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load(&args.sources) {
        Ok(plan) => plan,
        Err(list) => return Ok(render::mistakes(&list, args.json)?),
    };
    render::warnings(&plan.warnings);
    let (entry, client) = Projects::open()?.client(args.project.as_deref())?;
    let templates = Templates { folder: args.templates.clone() };
    let is_single = match recorded_kind(args) {
        Some(is_single) => is_single,
        // Nothing is sent, so nothing is asked.
        None if args.dry_run => false,
        None => match app_version::kind(&client, &entry.app_name)? {
            AppKind::Universal => false,
            AppKind::Single { .. } => true,
            AppKind::Unknown => {
                render::submit::unknown_app(&entry);
                false
            }
        },
    };
    let make = if is_single { SubmissionPlan::for_single } else { SubmissionPlan::new };
    let to_submit = match make(&plan, &entry, &templates, now()) {
        Ok(to_submit) => to_submit,
        Err(error @ (SubmissionPlanError::LineTooLong { .. } | SubmissionPlanError::TooManyFiles { .. })) => {
            return Ok(render::refusal(&error.into()));
        }
        Err(error) => return Err(error.into()),
    };
    let options = Options {
        uploads: args.uploads.into(),
        batch_jobs: args.batch_jobs as usize,
        ..Options::in_directory(&args.out)
    };
    if args.dry_run {
        let requests = dry_run::requests(&to_submit, ServerLimits::default(), options.batch_jobs);
        match args.json {
            true => render::submit::dry_run_json(&to_submit, &requests)?,
            false => render::submit::dry_run(&requests)?,
        }
        return Ok(Exit::Done);
    }
    let mut campaign = Campaign::open_for_run(&args.out)?;
    if let Err(error) = submission::prepare(&mut campaign, &to_submit, &args.out) {
        return ended(error);
    }
    remember(&args.out);
    let waiting = campaign.counts()?.waiting;
    if waiting > 0 {
        let estimate = introduce(&client, &to_submit)?;
        let compared = if args.installed { Ok(()) } else { app_version::check_files(&client, &to_submit) };
        match compared.and_then(|()| app_version::check_route(&client, &to_submit)) {
            Ok(()) => {}
            Err(AppVersionError::Project(error)) => return Err(error.into()),
            Err(error) => return Ok(render::refusal(&error.into())),
        }
        render::submit::summary(&to_submit, waiting, estimate);
        if !args.yes
            && let Some(exit) = declined("submit?")?
        {
            return Ok(exit);
        }
    }
    // Not before the question: Ctrl-C there is an answer.
    let clock = SystemClock::catching_signals()?;
    let reporter = render::events::reporter(args.json, &args.out);
    if let Err(error) = submission::resume(&mut campaign, &client, &clock, reporter.as_ref(), &options) {
        return ended(error);
    }
    if args.detach {
        return Ok(Exit::Done);
    }
    // While it only watches, other commands may fetch or abort.
    campaign.release();
    let watched = follow::watch::watch(&mut campaign, &client, &clock, reporter.as_ref())?;
    let exit = watch::exit(watched);
    if !matches!(exit, Exit::Done | Exit::JobsFailed) {
        return Ok(exit);
    }
    let options = fetch::Options {
        results: args.out.clone(),
        to: None,
        jobs: Vec::new(),
        parallel: fetch::DEFAULT_PARALLEL,
        retry: retry::QUERIES,
    };
    let fetched = fetch::fetch(&mut campaign, &to_submit.meta, &client, &options, reporter.as_ref(), &clock);
    Ok(match fetch_exit(fetched, args.json)? {
        Exit::Done => exit,
        worse => worse,
    })
}

/// Shows who we are and what we want, and asks what the project thinks of it.
fn introduce(client: &ProjectClient, plan: &SubmissionPlan) -> Result<Option<f64>, ProjectError> {
    let boinc_app = &plan.meta.project().boinc_app;
    client.check_access(boinc_app)?;
    let estimate = client.estimate_batch(&submission(boinc_app, &plan.round, &plan.workunits));
    // A guess is no reason to stop.
    Ok(estimate.ok())
}

/// What the end of a submission means for whoever called.
pub fn ended(error: SubmitError) -> anyhow::Result<Exit> {
    let is_input = match &error {
        SubmitError::Project { source, .. } => source.is_bad_input(),
        SubmitError::Plan(_)
        | SubmitError::LocalCampaign { .. }
        | SubmitError::OtherCampaign { .. }
        | SubmitError::ChangedJobs { .. }
        | SubmitError::FileTooLarge { .. }
        | SubmitError::FileChanged { .. }
        | SubmitError::ForeignWorkunit { .. }
        | SubmitError::EndedBatch { .. } => true,
        _ => false,
    };
    let help = match &error {
        SubmitError::Project { source, .. } | SubmitError::GaveUp { source, .. } => source.help(),
        _ => None,
    };
    let is_interrupted = matches!(error, SubmitError::Interrupted);
    let error = anyhow::Error::new(error);
    let exit = if is_input { render::refusal(&error) } else { render::error(&error) };
    if let Some(help) = help {
        render::help(&help);
    }
    Ok(if is_interrupted { Exit::Interrupted } else { exit })
}

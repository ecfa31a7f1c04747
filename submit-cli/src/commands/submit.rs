//! `buoy submit`: sends a campaign to a project.

use std::path::PathBuf;

use crate::campaign::Campaign;
use crate::clock::{SystemClock, now};
use crate::commands::fetch::bring;
use crate::commands::question::declined;
use crate::commands::watch;
use crate::commands::which_campaign::remember;
use crate::exit::Exit;
use crate::load::load;
use crate::project::client::ProjectClient;
use crate::project::config::{ConfigError, Projects};
use crate::project::error::ProjectError;
use crate::project::protocol::submission::{Submission, SubmittedJob};
use crate::project::retry::RetryPolicy;
use crate::sources::Sources;
use crate::submission::limits::ServerLimits;
use crate::submission::outgoing::{Outgoing, OutgoingError};
use crate::submission::{self, BATCH_JOBS, Options, SubmitError, UPLOADS, dry_run};
use crate::template::Templates;
use crate::{fetch, follow, render};

/// Arguments of `buoy submit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// The project, by the name that buoy login gave it [default: the only one, or the default one]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Directory for results and the campaign file; the same one again goes on where it was
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// End once all jobs are submitted, rather than wait for results and fetch them
    #[arg(long)]
    detach: bool,
    /// Say which requests would be sent, and how large; send nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the first request that changes something
    #[arg(long, short)]
    yes: bool,
    /// Uploads at a time
    #[arg(long, value_name = "N", default_value_t = UPLOADS, value_parser = clap::value_parser!(u16).range(1..=32))]
    uploads: u16,
    /// Jobs in a batch at most; a batch is one request, and so never larger than the server takes
    #[arg(long, value_name = "N", default_value_t = BATCH_JOBS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_jobs: u32,
    /// Take templates from here first (batch/workunit_in.xml.tera, batch/workunit_out.xml.tera)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

/// Checks everything offline, then sends, then watches until all jobs are over.
///
/// # Errors
/// The campaign file or the project failed; what was done stays, and the same command goes on.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load(&args.sources) {
        Ok(plan) => plan,
        Err(list) if args.json => return Ok(render::diagnostics_json(&list)?),
        Err(list) => return Ok(render::diagnostics(&list)),
    };
    let (entry, client) = match Projects::open().and_then(|projects| projects.client(args.project.as_deref()))
    {
        Ok(found) => found,
        Err(error @ ConfigError::Io { .. }) => return Err(error.into()),
        Err(error) => return Ok(render::refusal(&error.into())),
    };
    let templates = Templates { folder: args.templates.clone() };
    let outgoing = match Outgoing::new(&plan, &entry, &templates, now()) {
        Ok(outgoing) => outgoing,
        Err(error @ (OutgoingError::Line { .. } | OutgoingError::Words { .. })) => {
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
        let requests = dry_run::plan(&outgoing, ServerLimits::default(), options.batch_jobs);
        match args.json {
            true => render::submit::dry_run_json(&outgoing, &requests)?,
            false => render::submit::dry_run(&requests)?,
        }
        return Ok(Exit::Done);
    }
    let mut campaign = Campaign::open_for_run(&args.out)?;
    if let Err(error) = submission::prepare(&mut campaign, &outgoing, &args.out) {
        return ended(error);
    }
    remember(&args.out);
    let waiting = campaign.counts()?.waiting;
    if waiting > 0 {
        let estimate = introduce(&client, &outgoing)?;
        render::submit::summary(&outgoing, waiting, estimate);
        if !args.yes
            && let Some(exit) = declined("submit?", "submits")?
        {
            return Ok(exit);
        }
    }
    // Not before the question: Ctrl-C there is an answer.
    let clock = SystemClock::catching_signals()?;
    let reporter = render::submit::reporter(args.json);
    if let Err(error) = submission::go_on(&mut campaign, &client, &clock, reporter.as_ref(), &options) {
        return ended(error);
    }
    if args.detach {
        return Ok(Exit::Done);
    }
    // Whoever watches keeps nobody from fetching or aborting.
    campaign.release();
    let mut reporter = render::watch::reporter(args.json, &args.out);
    let exit = watch::exit(follow::watch::watch(&mut campaign, &client, &clock, reporter.as_mut())?);
    drop(reporter);
    if !matches!(exit, Exit::Done | Exit::JobsFailed) {
        return Ok(exit);
    }
    let options = fetch::Options {
        results: args.out.clone(),
        to: None,
        jobs: Vec::new(),
        parallel: fetch::DEFAULT_PARALLEL,
        retry: RetryPolicy::default(),
    };
    Ok(match bring(&mut campaign, &outgoing.facts, &client, &options, &clock, args.json)? {
        Exit::Done => exit,
        worse => worse,
    })
}

/// Shows who we are and what we want, and asks what the project thinks of it.
fn introduce(client: &ProjectClient, outgoing: &Outgoing<'_>) -> Result<Option<f64>, ProjectError> {
    client.check_access(&outgoing.facts.boinc_app)?;
    let jobs = outgoing.workunits.iter().map(|workunit| SubmittedJob {
        name: &workunit.name,
        command_line: &workunit.command_line,
        input_files: Vec::new(),
    });
    let estimate = client.estimate_batch(&Submission {
        app_name: &outgoing.facts.boinc_app,
        input_template: &outgoing.round.input_template,
        output_template: &outgoing.round.output_template,
        jobs: jobs.collect(),
        priority: None,
        rsc_fpops_est: outgoing.round.rsc_fpops_est,
    });
    // A guess is no reason to stop.
    Ok(estimate.ok())
}

/// What the end of a submission means for whoever called.
pub fn ended(error: SubmitError) -> anyhow::Result<Exit> {
    let is_input = match &error {
        SubmitError::Project { source, .. } => source.is_bad_input(),
        SubmitError::Outgoing(_)
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

//! `buoy logs`: prints the log of a job, as a project sees it.

use std::path::PathBuf;

use anyhow::Context;

use crate::campaign::meta::CampaignMeta;
use crate::campaign::{Campaign, JobRecord};
use crate::cli::commands::connect::connect;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::local::PROJECT_DIRECTORY;
use crate::local::layout::Layout;
use crate::remote::follow::log::{Log, Which, log};
use boinc::wire::slot::STDERR_FILE;
use wrapper::log::printed_by_job;

const EXAMPLES: &[Example] = &[
    ("buoy logs aspirin", "Print the most informative log of a job"),
    (
        "buoy logs aspirin --out my-results --app-only",
        "Print only what the science app printed, in another campaign",
    ),
];

/// Print the log of a job
///
/// Lines that start with "buoy:" are from the wrapper, lines that start with "| " from the science app. For a failed job at a
/// project the log is taken from the public page of one of its results, which some projects hide or cut.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Name of the job
    job: String,
    /// Attempt number of a submitted job, 0 for the first [default: the last]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Instance number [default: the most informative one]
    #[arg(long, value_name = "N", visible_alias = "instance")]
    result: Option<u32>,
    /// The campaign's directory of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Print only what the science app printed, without the wrapper's lines and the prefix "| "
    #[arg(long, conflicts_with = "json")]
    app_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Finds the log and prints it.
///
/// # Errors
/// There is no campaign, or a file can't be read; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let campaign = Campaign::open_to_read(&args.out)?;
    campaign.check_jobs(std::slice::from_ref(&args.job))?;
    match campaign.submitted_meta()? {
        Some(meta) => of_project(args, &campaign, &meta),
        None => of_run(args, &campaign),
    }
}

fn of_project(args: &Args, campaign: &Campaign, meta: &CampaignMeta) -> anyhow::Result<Exit> {
    let which = Which { attempt: args.attempt, instance: args.result };
    let log = log(campaign, &connect(meta)?, &args.job, which)?;
    print(args, &heading_of_project(&log), &log)
}

fn print(args: &Args, heading: &str, log: &Log) -> anyhow::Result<Exit> {
    if !args.app_only {
        render::output(args.json, log, || render::log(heading, &log.text))?;
        return Ok(Exit::Done);
    }
    match printed_by_job(&log.text) {
        Some(printed) => render::log(heading, &printed)?,
        None => {
            let foreign = anyhow::anyhow!("job {}: this log was not written by buoy-wrapper", args.job);
            let exit = render::refusal(&foreign);
            render::help("omit --app-only to print the whole log");
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

fn heading_of_project(log: &Log) -> String {
    let mut text = log.instance.as_ref().unwrap_or(&log.workunit).clone();
    for word in [&log.cause, &log.outcome].into_iter().flatten() {
        text.push_str(&format!(", {word}"));
    }
    if let Some(status) = log.exit_status {
        text.push_str(&format!(", exit status {status}"));
    }
    if log.instances.len() > 1 {
        text.push_str(&format!(" (all: {})", log.instances.join(", ")));
    }
    text
}

fn of_run(args: &Args, campaign: &Campaign) -> anyhow::Result<Exit> {
    let jobs = campaign.jobs()?;
    let job = jobs.iter().find(|job| job.name == args.job).context("a job of this run")?;
    let Some(n) = args.result.or_else(|| job.most_informative().map(|result| result.n)) else {
        return Ok(render::refusal(&anyhow::anyhow!("job {} has not been started", job.name)));
    };
    let Some(result) = job.result(n) else {
        let known: Vec<String> = job.results.iter().map(|result| result.n.to_string()).collect();
        let known = known.join(", ");
        return Ok(render::refusal(&anyhow::anyhow!("job {} has no result {n}, only {known}", job.name)));
    };
    let project = campaign.value(PROJECT_DIRECTORY)?.unwrap_or_default();
    let layout = Layout::new(&args.out, &project)?;
    let path = match result.slot {
        Some(slot) => layout.slot(slot).join(STDERR_FILE),
        None => layout.log(&job.result_name(n)),
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(render::refusal(&anyhow::anyhow!("result {n} of job {} has no log", job.name)));
        }
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("failed to read {}", path.display())));
        }
    };
    let log = Log {
        job: job.name.clone(),
        workunit: job.wu_name.clone(),
        instance: Some(job.result_name(n)),
        exit_status: result.exit_status,
        outcome: None,
        cause: result.cause.clone(),
        text: String::from_utf8_lossy(&text).into_owned(),
        instances: job.results.iter().map(|result| job.result_name(result.n)).collect(),
    };
    print(args, &heading(job, n), &log)
}

fn heading(job: &JobRecord, n: u32) -> String {
    let mut text = format!("{}: {}", job.result_name(n), job.state().text());
    if let Some(cause) = job.result(n).and_then(|result| result.cause.as_deref()) {
        text.push_str(&format!(", {cause}"));
    }
    if job.results.len() > 1 {
        let others: Vec<String> =
            job.results.iter().filter(|result| result.n != n).map(|result| result.n.to_string()).collect();
        text.push_str(&format!(" (others: --result {})", others.join(", ")));
    }
    text
}

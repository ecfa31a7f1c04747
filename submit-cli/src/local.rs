//! The local backend: an emulated BOINC client and server around the real wrapper and the real shims.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use boinc::visible::visible;
use boinc::wire::init_data::DockerType;

use crate::campaign::bounds::Bounds;
use crate::campaign::cause::Subject;
use crate::campaign::event::{Event, Finished, Reporter};
use crate::campaign::file_error::FileError;
use crate::campaign::job_view::JobState;
use crate::campaign::results;
use crate::campaign::workunit::ResultState;
use crate::campaign::{Campaign, JobRecord};
use crate::plan::Plan;
use crate::plan::try_rules::decimal_comma;
use crate::platform::{StopWatch, on_stop};
use daemons::{Daemons, Request};
use engine::Engine;
pub use error::LocalError;
use host::Host;
use init::Client;
use layout::Layout;
use prepare::Prepared;
use programs::Programs;
use runner::{Parts, RunEvent, RunSummary, Runner, Slots};

mod daemons;
pub(crate) mod engine;
mod error;
pub(crate) mod exit;
mod files;
pub(crate) mod host;
mod init;
mod judge_again;
mod keep;
pub(crate) mod layout;
mod limits;
mod prepare;
pub(crate) mod programs;
mod rejected;
mod requests;
pub(crate) mod runner;
mod slot;
mod task;
mod transitioner;
mod validator;

/// Key in the campaign file: name of the client's project directory, hence of containers.
pub(crate) const PROJECT_DIRECTORY: &str = "project_directory";

/// How a campaign is run on this host.
#[derive(Debug, Clone)]
pub struct Options {
    pub results: PathBuf,
    /// Number of results to run in parallel; default: as many as fit.
    pub slots: Option<u32>,
    /// Default: an engine that responds.
    pub engine: Option<DockerType>,
    /// Number of results of each job; default: from the app.
    pub replicas: Option<u32>,
    /// The project's policy for the wrapper; default: the strictest one.
    pub policy: Option<PathBuf>,
    pub keep: Slots,
    pub retry: Retry,
}

/// Which jobs of an earlier run to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Jobs that failed, or whose outputs have been deleted.
    Failed,
}

/// Runs a campaign to its end, or until the user interrupts it.
pub fn run(plan: &Plan, options: &Options, reporter: &dyn Reporter) -> Result<RunSummary, LocalError> {
    let started = std::time::Instant::now();
    requests::check(plan, options.policy.as_deref())?;
    let programs = Programs::find()?;
    let engine = Engine::find(options.engine)?;
    let mut campaign = Campaign::open_for_run(&options.results)?;
    let layout = layout_of(&mut campaign, &options.results)?;
    let host = Host::inspect(&options.results);
    let replication = replication(plan, options.replicas);
    let prepared =
        Prepared::new(plan, replication, &programs, options.policy.as_deref(), &layout, |path, bytes| {
            reporter.report(Event::Note { text: &runner::copied_note(path, bytes) });
        })?;
    let mut jobs = prepared.rows(plan, &mut campaign, &options.results, &host.name)?;
    if let Some(text) = judge_again::judge_again(plan, replication.total, &layout, &mut jobs)? {
        campaign.save(&jobs)?;
        reporter.report(Event::Note { text: &text });
    }
    let outputs = campaign.meta()?.unwrap_or_default().outputs;
    let lost = |job: &JobRecord| {
        let is_done = job.in_plan && job.state() == JobState::Done;
        is_done && !results::has_outputs(&options.results, &job.name, &outputs)
    };
    if options.retry == Retry::Failed {
        retry_failed(&mut jobs, replication.total, lost);
        campaign.save(&jobs)?;
    } else {
        let lost = lost_note(jobs.iter().filter(|job| lost(job)));
        let failed =
            failed_note(plan, jobs.iter().filter(|job| job.in_plan && job.state() == JobState::Failed));
        for text in lost.into_iter().chain(failed) {
            reporter.report(Event::Note { text: &text });
        }
    }
    prepared.write_routes(plan, &layout, engine.flavor())?;
    let daemons = Daemons::install(&layout, &programs)?;
    let prefix = container_prefix(&layout);
    remove_strays(&engine, &prefix, &jobs)?;

    let resources = &plan.app.resources;
    let slots = options.slots.unwrap_or_else(|| host.slots_for(resources.cpus, resources.memory_bytes));
    let (event_sender, events) = mpsc::channel();
    let signals = catch_signals(event_sender.clone())?;
    let requests = start_daemons(daemons, event_sender.clone());
    let client = Client {
        layout: layout.clone(),
        app_files: prepared.app_files.iter().map(|file| file.physical_name.clone()).collect(),
        host,
        engine,
    };
    let done = Runner::new(Parts {
        plan,
        prepared: &prepared,
        client: &client,
        campaign: &mut campaign,
        jobs,
        slots,
        keep: options.keep,
        reporter,
        events,
        event_sender,
        requests,
    })
    .run();
    signals.close();
    // Also after an error, only what the next run continues is left in the engine, and the table is up to date.
    let removed = campaign.jobs().map_err(LocalError::from);
    let removed = removed.and_then(|jobs| remove_strays(&client.engine, &prefix, &jobs));
    let table = results::write_table(&campaign, &options.results)?;
    let summary = done?;
    removed?;
    if let Some(text) = decimal_comma_note(plan, &campaign, &options.results)? {
        reporter.report(Event::Note { text: &text });
    }
    reporter.report(Event::Finished(Finished::Run {
        jobs: summary.jobs,
        interrupted: summary.interrupted,
        elapsed_seconds: started.elapsed().as_secs_f64(),
        table: &table,
    }));
    Ok(summary)
}

/// The directories of a campaign, created if they do not exist.
fn layout_of(campaign: &mut Campaign, results: &Path) -> Result<Layout, LocalError> {
    let at = FileError::at;
    let project = match campaign.value(PROJECT_DIRECTORY)? {
        Some(project) => project,
        None => {
            let project = Layout::project_name(results).map_err(at(results, "find it"))?;
            campaign.set_value(PROJECT_DIRECTORY, &project)?;
            project
        }
    };
    let layout = Layout::new(results, &project).map_err(at(results, "find it"))?;
    layout.create().map_err(at(results, "create its directories"))?;
    Ok(layout)
}

/// A given number of replicas all run before they are compared.
fn replication(plan: &Plan, replicas: Option<u32>) -> crate::plan::app::Replication {
    let of_app = plan.app.replication;
    match replicas {
        None => of_app,
        Some(n) => crate::plan::app::Replication {
            quorum: n,
            total: n,
            max_errors: of_app.max_errors,
            max_total: of_app.max_total.max(n),
            max_success: of_app.max_success.max(n),
        },
    }
}

/// Gives failed jobs, and those whose outputs have been deleted, new results; the old ones no longer count.
fn retry_failed(jobs: &mut [JobRecord], total: u32, lost: impl Fn(&JobRecord) -> bool) {
    let is_failed = |job: &JobRecord| job.in_plan && job.assimilated && job.canonical.is_none();
    for job in jobs.iter_mut().filter(|job| is_failed(job) || lost(job)) {
        job.first_n = job.results.len() as u32;
        job.errors = Default::default();
        job.target_nresults = total;
        job.canonical = None;
        job.assimilated = false;
        job.cause = None;
    }
}

/// The note that outputs of finished jobs have been deleted, if they have.
fn lost_note<'a>(mut lost: impl Iterator<Item = &'a JobRecord>) -> Option<String> {
    let first = &lost.next()?.name;
    let count = 1 + lost.count();
    let s = if count == 1 { "" } else { "s" };
    Some(format!(
        "outputs of {count} finished job{s} have been deleted, first of {first}; run again with --retry to create them"
    ))
}

/// The note that jobs have failed in an earlier run, if they have, and why the first of them did.
fn failed_note<'a>(plan: &Plan, mut failed: impl Iterator<Item = &'a JobRecord>) -> Option<String> {
    let first = failed.next()?;
    let subject = Subject { program: &plan.app.name, bounds: Bounds::of_app(&plan.app) };
    let cause = first.failure(&subject);
    let count = 1 + failed.count();
    let s = if count == 1 { "" } else { "s" };
    let cause = cause.as_ref().map_or("the cause is not known", |cause| &cause.text);
    Some(format!(
        "{count} job{s} failed in an earlier run and will not run again, first {}: {}; run with --retry to repeat them",
        first.name,
        visible(cause)
    ))
}

/// What to add to the rules, if an output of the first job that has all of them seems to have decimal commas.
fn decimal_comma_note(
    plan: &Plan,
    campaign: &Campaign,
    results: &Path,
) -> Result<Option<String>, LocalError> {
    let jobs = campaign.jobs()?;
    let Some(job) = jobs.iter().find(|job| job.in_plan && job.state() == JobState::Done) else {
        return Ok(None);
    };
    let dir = results.join(&job.name);
    let mut outputs = plan.app.outputs.iter().map(|output| output.name.as_str());
    Ok(outputs.find_map(|output| decimal_comma(&plan.app, output, &dir.join(output))))
}

/// Prefix of the names of this campaign's containers.
fn container_prefix(layout: &Layout) -> String {
    format!("boinc__{}__", layout.project().to_lowercase())
}

/// Removes this campaign's containers that do not belong to a task in progress, as a client does at its start.
fn remove_strays(engine: &Engine, prefix: &str, jobs: &[JobRecord]) -> Result<(), LocalError> {
    let mut strays = engine.containers(prefix)?;
    if !strays.is_empty() {
        let in_progress: std::collections::HashSet<String> = jobs
            .iter()
            .flat_map(|job| {
                let running = job.results.iter().filter(|result| result.state == ResultState::InProgress);
                running.map(|result| format!("{prefix}{}", job.result_name(result.n).to_lowercase()))
            })
            .collect();
        strays.retain(|name| !in_progress.contains(name));
    }
    Ok(engine.remove(&strays)?)
}

/// Starts the daemons' thread, which ends with the sender of requests.
fn start_daemons(mut daemons: Daemons, event_sender: Sender<RunEvent>) -> Sender<(usize, Request)> {
    let (sender, requests): (_, Receiver<(usize, Request)>) = mpsc::channel();
    std::thread::spawn(move || {
        for (job, request) in requests {
            let reply = daemons.answer(&request);
            if event_sender.send(RunEvent::Replied { job, reply }).is_err() {
                return;
            }
        }
    });
    sender
}

/// Turns requests to stop into events, until the watch is closed.
fn catch_signals(event_sender: Sender<RunEvent>) -> Result<StopWatch, LocalError> {
    // The receiver is gone after the run.
    on_stop(move || drop(event_sender.send(RunEvent::Interrupted)))
        .map_err(|source| LocalError::Signals { source })
}

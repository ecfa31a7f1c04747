//! The local backend: an emulated BOINC client and server around the real wrapper and the real shims.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use boinc::wire::init_data::DockerType;

use crate::campaign::event::{Event, Finished, Reporter};
use crate::campaign::file_error::FileError;
use crate::campaign::results::{self, TableError};
use crate::campaign::workunit::ResultState;
use crate::campaign::{Campaign, CampaignError, JobRecord};
use crate::plan::Plan;
use daemons::{Daemons, Request};
use engine::{Engine, EngineError};
use host::Host;
use init::Client;
use layout::Layout;
use prepare::{PrepareError, Prepared};
use programs::{ProgramError, Programs};
use runner::{Happening, Outlook, Parts, RunError, Runner, Slots};
use wishes::WishError;

pub mod daemons;
pub mod engine;
pub mod exit;
pub mod files;
pub mod host;
pub mod init;
mod keep;
pub mod layout;
pub mod limits;
pub mod prepare;
pub mod programs;
pub mod runner;
pub mod slot;
pub mod task;
pub mod transitioner;
pub mod validator;
pub mod wishes;

/// Key in the campaign file: name of the client's project directory, hence of containers.
pub(crate) const PROJECT_DIRECTORY: &str = "project_directory";

/// How a campaign is run on this host.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of results.
    pub results: PathBuf,
    /// How many results at a time; as many as fit if not said.
    pub slots: Option<u32>,
    /// Which engine; one that answers if not said.
    pub engine: Option<DockerType>,
    /// How many results a job gets and compares; as the app says if not said.
    pub replicas: Option<u32>,
    /// The project's policy for the wrapper; the strictest if none.
    pub policy: Option<PathBuf>,
    /// Whether slots are kept.
    pub keep: Slots,
    /// Whether jobs that failed, or whose outputs are lost, are tried anew.
    pub retry: Retry,
}

/// Whether jobs that failed in an earlier run are tried anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// They stay as they are.
    Never,
    /// All of them.
    Failed,
}

/// A campaign can't be run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The campaign file.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Our own programs.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The plan and the directory do not go together.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The project's policy refuses the jobs.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The table of results.
    #[error(transparent)]
    Table(#[from] TableError),
    /// While it ran.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Signals can't be caught.
    #[error("cannot catch signals")]
    Signals {
        /// Why.
        source: std::io::Error,
    },
}

/// Runs a campaign to its end, or until the user stops it.
pub fn run(plan: &Plan, options: &Options, reporter: &dyn Reporter) -> Result<Outlook, LocalError> {
    let begun = std::time::Instant::now();
    wishes::check(plan, options.policy.as_deref())?;
    let programs = Programs::find()?;
    let engine = Engine::find(options.engine)?;
    let mut campaign = Campaign::open_for_run(&options.results)?;
    let layout = layout_of(&mut campaign, &options.results)?;
    let host = Host::look(&options.results);
    let replication = replication(plan, options.replicas);
    let prepared =
        Prepared::new(plan, replication, &programs, options.policy.as_deref(), &layout, |path, bytes| {
            reporter.report(Event::Note { text: &runner::copied_note(path, bytes) });
        })?;
    let mut jobs = prepared.rows(plan, &mut campaign, &options.results, &host.name)?;
    let lost = |job: &JobRecord| job.in_plan && results::is_lost(&options.results, job, &plan.app.outputs);
    if options.retry == Retry::Failed {
        try_anew(&mut jobs, replication.total, lost);
        campaign.save(&jobs)?;
    } else if let Some(text) = lost_note(jobs.iter().filter(|job| lost(job))) {
        reporter.report(Event::Note { text: &text });
    }
    prepared.write_routes(plan, &layout, engine.flavor())?;
    let daemons = Daemons::install(&layout, &programs)?;
    let prefix = container_prefix(&layout);
    remove_strays(&engine, &prefix, &jobs)?;

    let resources = &plan.app.resources;
    let slots = options.slots.unwrap_or_else(|| host.slots_for(resources.cpus, resources.memory_bytes));
    let (happen, happenings) = mpsc::channel();
    let signals = catch_signals(happen.clone())?;
    let requests = start_daemons(daemons, happen.clone());
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
        happenings,
        happen,
        requests,
    })
    .run();
    signals.close();
    // Whatever happened, nothing is left in the engine and the table is up to date.
    let swept = client.engine.containers(&prefix).and_then(|names| client.engine.remove(&names));
    let table = results::write_table(&campaign, &options.results)?;
    let outlook = done?;
    swept?;
    reporter.report(Event::Finished(Finished::Run {
        jobs: outlook.jobs,
        interrupted: outlook.interrupted,
        elapsed_seconds: begun.elapsed().as_secs_f64(),
        table: &table,
    }));
    Ok(outlook)
}

/// The directories of a campaign, made if they are not there.
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
    layout.create().map_err(at(results, "make its directories"))?;
    Ok(layout)
}

/// With a number of replicas, all of them are run and must be there before they are compared.
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

/// Gives failed jobs, and those whose outputs are lost, new results; the old ones do not count any more.
fn try_anew(jobs: &mut [JobRecord], total: u32, lost: impl Fn(&JobRecord) -> bool) {
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

/// Says that outputs have been deleted since; nothing if none were.
fn lost_note<'a>(mut lost: impl Iterator<Item = &'a JobRecord>) -> Option<String> {
    let first = &lost.next()?.name;
    let count = 1 + lost.count();
    let s = if count == 1 { "" } else { "s" };
    Some(format!(
        "outputs of {count} finished job{s} are not in the directory any more, {first} the first; --retry makes them again"
    ))
}

/// How the names of this campaign's containers begin.
fn container_prefix(layout: &Layout) -> String {
    format!("boinc__{}__", layout.project().to_lowercase())
}

/// As a client does at its start: containers of ours that belong to no task in progress are removed.
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

/// The daemons' thread; it ends when nobody asks any more.
fn start_daemons(mut daemons: Daemons, happen: Sender<Happening>) -> Sender<(usize, Request)> {
    let (ask, requests): (_, Receiver<(usize, Request)>) = mpsc::channel();
    std::thread::spawn(move || {
        for (job, request) in requests {
            let reply = daemons.answer(&request);
            if happen.send(Happening::Answered { job, reply }).is_err() {
                return;
            }
        }
    });
    ask
}

/// A thread that turns signals into events, until it is closed.
fn catch_signals(happen: Sender<Happening>) -> Result<signal_hook::iterator::Handle, LocalError> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|source| LocalError::Signals { source })?;
    let handle = signals.handle();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if happen.send(Happening::Interrupted).is_err() {
                return;
            }
        }
    });
    Ok(handle)
}

//! `buoy fetch`: the table of what has been collected so far, and the outputs where they are wanted.

mod local;

use std::path::{Path, PathBuf};

use crate::campaign::sent::Facts;
use crate::campaign::{Campaign, CampaignError, STATE_DIR};
use crate::clock::SystemClock;
use crate::exit::Exit;
use crate::fetch::{self, FetchError, Options};
use crate::project::config::Projects;
use crate::project::retry::RetryPolicy;
use crate::render;

/// Arguments of `buoy fetch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The campaign: its directory of results [default: results]; then jobs of it [default: all]
    #[arg(value_name = "CAMPAIGN] [JOB")]
    words: Vec<String>,
    /// The campaign's directory; all other words are jobs then
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Put outputs here, a directory for each job, with a table of its own [default: the campaign's directory]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Download so many jobs at a time
    #[arg(long, value_name = "N", default_value_t = fetch::DEFAULT_PARALLEL, value_parser = parallel)]
    parallel: usize,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=64) => Ok(n),
        _ => Err("a number from 1 to 64 is wanted".to_owned()),
    }
}

impl Args {
    /// The first word is the campaign if there is one in a directory of that name.
    fn split(&self) -> (&Path, &[String]) {
        if let Some(out) = &self.out {
            return (out, &self.words);
        }
        match self.words.split_first() {
            Some((first, jobs)) if Path::new(first).join(STATE_DIR).is_dir() => (Path::new(first), jobs),
            _ => (Path::new("results"), &self.words),
        }
    }
}

/// Fetches from the project, or copies what a local run has collected.
///
/// # Errors
/// There is no campaign, or a file can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let (dir, jobs) = args.split();
    let mut campaign = Campaign::open_to_read(dir)?;
    let Some(facts) = campaign.facts()? else {
        return local::run(&campaign, dir, jobs, args.to.as_deref(), args.json);
    };
    let (entry, client) = Projects::open()?.client(Some(&facts.project))?;
    if entry.url != facts.url {
        return Ok(render::refusal(&moved(&facts, &entry.url)));
    }
    let options = Options {
        results: dir.to_owned(),
        to: args.to.clone(),
        jobs: jobs.to_vec(),
        parallel: args.parallel,
        retry: RetryPolicy::default(),
    };
    let clock = SystemClock::catching_signals()?;
    let mut reporter = render::fetch::reporter(args.json);
    match fetch::fetch(&mut campaign, &facts, &client, &options, reporter.as_mut(), &clock) {
        Ok(outcome) => {
            if !args.json {
                render::path(&outcome.table)?;
            }
            Ok(match () {
                () if outcome.interrupted => Exit::Interrupted,
                () if outcome.gone + outcome.left > 0 => Exit::HostCannot,
                () => Exit::Done,
            })
        }
        Err(error @ (FetchError::UnknownJob(_) | FetchError::Campaign(CampaignError::Missing { .. }))) => {
            Ok(render::refusal(&error.into()))
        }
        Err(FetchError::Project { project, source }) => {
            // What to do depends on what the project said.
            let said = anyhow::Error::from(*source);
            Err(said.context(format!("the project {project} does not give its outputs")))
        }
        Err(error) => Err(error.into()),
    }
}

/// An authenticator for one project is not to be sent to another.
fn moved(facts: &Facts, url: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "the campaign went to {}, but the project {} is {url} now; buoy login {} --name {} if it is to be that again",
        facts.url,
        facts.project,
        facts.url,
        facts.project
    )
}

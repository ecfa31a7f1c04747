//! `buoy logs`: prints what a job wrote, as a project would see it.

use std::path::PathBuf;

use crate::campaign::{Campaign, JobRecord, find_job};
use crate::exit::Exit;
use crate::local::layout::Layout;
use crate::local::prepare::meta;
use crate::render;
use wrapper::wire::slot::STDERR_FILE;

/// Arguments of `buoy logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    job: String,
    /// Which of its results, by number [default: the one that tells most]
    #[arg(long, value_name = "N")]
    result: Option<u32>,
    /// Directory of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

/// Finds the log and prints it.
///
/// # Errors
/// There is no campaign, or a file can't be read; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let campaign = Campaign::open_to_read(&args.out)?;
    let jobs = campaign.jobs()?;
    let job = match find_job(&jobs, &args.job) {
        Ok(job) => job,
        Err(unknown) => return Ok(render::refusal(&unknown.into())),
    };
    let Some(n) = args.result.or_else(|| job.telling().map(|result| result.n)) else {
        return Ok(render::refusal(&anyhow::anyhow!("job {} has not been started", job.name)));
    };
    let Some(result) = job.result(n) else {
        let known: Vec<String> = job.results.iter().map(|result| result.n.to_string()).collect();
        let known = known.join(", ");
        return Ok(render::refusal(&anyhow::anyhow!("job {} has no result {n}, only {known}", job.name)));
    };
    let project = campaign.meta(meta::PROJECT)?.unwrap_or_default();
    let layout = Layout::new(&args.out, &project)?;
    let path = match result.slot {
        Some(slot) => layout.slot(slot).join(STDERR_FILE),
        None => layout.log(&job.result_name(n)),
    };
    match std::fs::read(&path) {
        Ok(log) => {
            render::log(&heading(job, n), &log)?;
            Ok(Exit::Done)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(render::refusal(&anyhow::anyhow!("result {n} of job {} has no log", job.name)))
        }
        Err(error) => Err(anyhow::Error::new(error).context(format!("{}: cannot read it", path.display()))),
    }
}

fn heading(job: &JobRecord, n: u32) -> String {
    let mut text = format!("{}: {}", job.result_name(n), job.status().word());
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

//! `buoy fetch`: the table of what has been collected so far, and the outputs where they are wanted.

use std::path::PathBuf;

use crate::campaign::{Campaign, JobStatus, find_job};
use crate::exit::Exit;
use crate::local::files::FileError;
use crate::local::prepare::meta;
use crate::{render, results};

/// Arguments of `buoy fetch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these jobs
    jobs: Vec<String>,
    /// Directory of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Copy what is collected here, a directory for each job, with a table of its own
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Writes the table anew and copies outputs.
///
/// # Errors
/// There is no campaign, or a file can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let campaign = Campaign::open_to_read(&args.out)?;
    let mut jobs = campaign.jobs()?;
    if let Some(unknown) = args.jobs.iter().find_map(|name| find_job(&jobs, name).err()) {
        return Ok(render::refusal(&unknown.into()));
    }
    let outputs: Vec<String> =
        serde_json::from_str(&campaign.meta(meta::OUTPUTS)?.unwrap_or_else(|| "[]".to_owned()))?;
    let host = campaign.meta(meta::HOST)?.unwrap_or_default();
    let table = results::write_table(&jobs, &outputs, &host, &args.out)?;
    let Some(to) = &args.to else {
        render::path(&table)?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(to).map_err(FileError::at(to, "make the directory"))?;
    if to.canonicalize()? == args.out.canonicalize()? {
        let same = anyhow::anyhow!("{}: the results are there already; name another directory", to.display());
        return Ok(render::refusal(&same));
    }
    jobs.retain(|job| args.jobs.is_empty() || args.jobs.contains(&job.name));
    for job in jobs.iter().filter(|job| job.status() == JobStatus::Done) {
        for output in &outputs {
            let (from, to) = (args.out.join(&job.name).join(output), to.join(&job.name).join(output));
            if !from.exists() {
                continue;
            }
            if let Some(dir) = to.parent() {
                std::fs::create_dir_all(dir).map_err(FileError::at(dir, "make the directory"))?;
            }
            // Collected outputs are read-only, and so are their copies.
            match std::fs::remove_file(&to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FileError::at(&to, "replace it")(error).into());
                }
                _ => {}
            }
            std::fs::copy(&from, &to).map_err(FileError::at(&to, "copy an output here"))?;
        }
    }
    render::path(&results::write_table(&jobs, &outputs, &host, to)?)?;
    Ok(Exit::Done)
}

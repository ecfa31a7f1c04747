//! The same for a campaign of `buoy run`: everything is on this computer already.

use std::path::Path;

use crate::campaign::file_error::FileError;
use crate::campaign::meta;
use crate::campaign::{Campaign, JobStatus, find_job};
use crate::cli::exit::Exit;
use crate::{campaign::results, cli::render};

pub(super) fn run(
    campaign: &Campaign,
    out: &Path,
    only: &[String],
    to: Option<&Path>,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut jobs = campaign.jobs()?;
    if let Some(unknown) = only.iter().find_map(|name| find_job(&jobs, name).err()) {
        return Ok(render::refusal(&unknown.into()));
    }
    let outputs: Vec<String> =
        serde_json::from_str(&campaign.meta(meta::OUTPUTS)?.unwrap_or_else(|| "[]".to_owned()))?;
    let host = campaign.meta(meta::HOST)?.unwrap_or_default();
    let table = results::write_table(&jobs, &outputs, &host, out)?;
    let print = |table: &Path| if json { render::table_json(table) } else { render::path(table) };
    let Some(to) = to else {
        print(&table)?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(to).map_err(FileError::at(to, "make the directory"))?;
    if to.canonicalize()? == out.canonicalize()? {
        let same = anyhow::anyhow!("{}: the results are there already; name another directory", to.display());
        return Ok(render::refusal(&same));
    }
    jobs.retain(|job| only.is_empty() || only.contains(&job.name));
    for job in jobs.iter().filter(|job| job.status() == JobStatus::Done) {
        for output in &outputs {
            let (from, to) = (out.join(&job.name).join(output), to.join(&job.name).join(output));
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
    print(&results::write_table(&jobs, &outputs, &host, to)?)?;
    Ok(Exit::Done)
}

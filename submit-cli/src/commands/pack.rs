//! `buoy pack`: writes what would be sent to a folder.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::load::load;
use crate::pack::folder::{self, FolderError};
use crate::pack::{PackError, pack};
use crate::render;
use crate::sources::Sources;
use crate::template::Templates;

/// Arguments of `buoy pack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// The folder to write; it must not exist
    #[arg(long, short, value_name = "DIR", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Say what would be sent, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Take templates from here first (batch/workunit_in.xml.tera, batch/workunit_out.xml.tera)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Print what was packed as JSON, or a list of mistakes
    #[arg(long)]
    json: bool,
}

/// Packs, and prints what was packed.
///
/// # Errors
/// A file cannot be read or written, or a template cannot be used.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load(&args.sources) {
        Ok(plan) => plan,
        Err(list) if args.json => return Ok(render::diagnostics_json(&list)?),
        Err(list) => return Ok(render::diagnostics(&list)),
    };
    let package = match pack(&plan, &Templates { folder: args.templates.clone() }) {
        Err(error @ (PackError::Template(_) | PackError::TooLong { .. })) => {
            return Ok(render::refusal(&error.into()));
        }
        package => package?,
    };
    let output = args.output.as_ref().filter(|_| !args.dry_run);
    if let Some(dir) = output {
        match folder::write(&package, &plan, dir) {
            Err(error @ FolderError::Exists { .. }) => return Ok(render::refusal(&error.into())),
            written => written?,
        }
    }
    if args.json {
        render::plan::package_json(&plan, &package, output.map(PathBuf::as_path))?;
        return Ok(Exit::Done);
    }
    render::plan::text(&plan)?;
    render::plan::package(&package)?;
    if let Some(dir) = output {
        render::plan::written(dir)?;
    }
    Ok(Exit::Done)
}

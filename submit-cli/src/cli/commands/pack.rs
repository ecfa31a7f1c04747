//! `buoy pack`: writes the files of a submission to a folder.

use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::package::pack::folder::{self, FolderError};
use crate::package::pack::{PackError, pack};
use crate::package::template::Templates;
use crate::plan::load::load;
use crate::plan::sources::Sources;

const EXAMPLES: &[Example] = &[
    ("buoy pack my-app ligands.csv -o my-batch", "Pack one job for each row of a table"),
    ("buoy pack my-app --dry-run", "Show the number and size of the files"),
];

/// Write the files of a submission to a folder
///
/// The folder holds the templates, the files named by their contents, and a line for each job. With a shell account on the
/// project's server, this is enough to create the batch by hand. It appears as a whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Folder to create; it must not exist
    #[arg(long, short, value_name = "DIR", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Show what would be packed without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Directory of templates that replace the built-in ones (batch/workunit_in.xml.tera, batch/workunit_out.xml.tera)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Print JSON: the package, or a list of errors
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
        Err(list) => return Ok(render::mistakes(&list, args.json)?),
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

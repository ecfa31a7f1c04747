//! `buoy check`: checks an app and its jobs without running anything.

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::plan::load::load;
use crate::plan::sources::Sources;

const EXAMPLES: &[Example] = &[
    ("buoy check my-app", "Check an app with the jobs of its batch.toml"),
    ("buoy check my-app ligands.csv --sweep seed=1..10", "Check ten jobs for each row of a table"),
];

/// Check an app and its jobs without running anything
///
/// Prints what would run: the bundle, inputs, outputs with their validation rules, resources, and the first and the last job.
/// If something is wrong, prints all errors at once, with file and line. Nothing is built or sent.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Print JSON: the plan, or a list of errors
    #[arg(long)]
    json: bool,
}

/// Loads the plan and prints it in short.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    match load(&args.sources) {
        Ok(plan) => {
            if args.json {
                render::plan::json(&plan)?;
            } else {
                render::plan::text(&plan)?;
            }
            render::warnings(&plan.warnings);
        }
        Err(list) => return Ok(render::mistakes(&list, args.json)?),
    }
    Ok(Exit::Done)
}

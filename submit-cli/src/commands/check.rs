//! `buoy check`: says what a campaign would run, or everything that is wrong with it.

use crate::check;
use crate::exit::Exit;
use crate::load::load;
use crate::render;
use crate::sources::Sources;

/// Arguments of `buoy check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Print JSON: a plan, or a list of mistakes
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
            render::warnings(&check::warnings(&plan.app));
        }
        Err(list) if args.json => return Ok(render::diagnostics_json(&list)?),
        Err(list) => return Ok(render::diagnostics(&list)),
    }
    Ok(Exit::Done)
}

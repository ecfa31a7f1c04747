//! `buoy compare`: tries an app's rules on two results, and explains what comes out.

use std::path::PathBuf;

use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::load::read_app;
use crate::render;
use crate::trial::{Results, TrialError, try_rules};

/// Arguments of `buoy compare`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A result: a directory with outputs by their names, or one output
    a: PathBuf,
    /// Another result
    b: PathBuf,
    /// The science app whose rules are tried: its directory or its app.toml
    #[arg(long)]
    app: PathBuf,
    /// The output that both files are, or the only one to compare [default: by the files' names]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Judges both results and prints what comes out.
///
/// # Errors
/// A file can't be read; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut mistakes = Diagnostics::new();
    let app = read_app(&args.app, &mut mistakes);
    let app = match mistakes.into_result(app) {
        Ok(app) => app,
        Err(list) if args.json => return Ok(render::diagnostics_json(&list)?),
        Err(list) => return Ok(render::diagnostics(&list)),
    };
    let results = Results { a: &args.a, b: &args.b, output: args.output.as_deref() };
    let trials = match try_rules(&app, results) {
        Ok(trials) => trials,
        Err(error @ TrialError::Unreadable(_)) => return Err(error.into()),
        Err(error) => return Ok(render::refusal(&error.into())),
    };
    if args.json {
        render::trial::json(&trials)?;
    } else {
        render::trial::text(&trials)?;
    }
    Ok(if trials.iter().all(|trial| trial.is_good()) { Exit::Done } else { Exit::JobsFailed })
}

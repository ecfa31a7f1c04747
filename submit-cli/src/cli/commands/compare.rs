//! `buoy compare`: compares two results with an app's validation rules.

use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::plan::load::read_app;
use crate::plan::try_rules::{Results, TryRulesError, try_rules};
use boinc::diagnostic::Diagnostics;

const EXAMPLES: &[Example] = &[
    (
        "buoy compare results-a/aspirin results-b/aspirin --app my-app",
        "Compare all outputs of a job that ran twice",
    ),
    ("buoy compare a.txt b.txt --app my-app --output log.txt", "Compare two files as the output log.txt"),
];

/// Compare two results with an app's validation rules
///
/// Applies the checks and comparison rules of app.toml to two sets of outputs, and explains the verdict. The exit code is 1 if
/// the results differ or one of them is invalid.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// First result: a directory with outputs under their names, or a single output file
    a: PathBuf,
    /// Second result
    b: PathBuf,
    /// Science app with the rules: its directory or its app.toml
    #[arg(long)]
    app: PathBuf,
    /// Output that both files are, or the only output to compare [default: taken from the file names]
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
        Err(list) => return Ok(render::mistakes(&list, args.json)?),
    };
    let results = Results { a: &args.a, b: &args.b, output: args.output.as_deref() };
    let verdicts = match try_rules(&app, results) {
        Ok(verdicts) => verdicts,
        Err(error @ TryRulesError::Unreadable(_)) => return Err(error.into()),
        Err(error) => return Ok(render::refusal(&error.into())),
    };
    if args.json {
        render::trial::json(&verdicts)?;
    } else {
        render::trial::text(&verdicts)?;
    }
    Ok(if verdicts.iter().all(|verdict| verdict.is_good()) { Exit::Done } else { Exit::JobsFailed })
}

//! `buoy doctor`: checks whether this computer can run jobs.

use std::path::PathBuf;

use crate::admin::doctor::{HostReport, examine, is_fit, trial};
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;

const EXAMPLES: &[Example] = &[
    ("buoy doctor", "Check this computer"),
    ("buoy doctor --out /scratch/results", "Check the disk that will hold the results"),
];

/// Check whether this computer can run jobs
///
/// Checks the wrapper, memory and disk, and runs a test container with each engine as a job would run: it writes a file, is
/// paused and resumed, and is removed again. Prints a line for each with a suggested fix if there is a problem. The exit code
/// is 3 if jobs cannot run.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Check the disk of this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What the test container runs.
    #[arg(long, hide = true)]
    in_container: bool,
}

/// Checks this computer and prints what works and what does not.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.in_container {
        trial::run_inside()?;
        std::process::exit(wrapper::trial::STATUS);
    }
    let findings = examine(&HostReport::gather(&args.out));
    render::output(args.json, &findings, || render::doctor::text(&findings))?;
    Ok(if is_fit(&findings) { Exit::Done } else { Exit::HostCannot })
}

//! `buoy logout`: forgets a project.

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::project::config::Projects;

const EXAMPLES: &[Example] = &[
    ("buoy logout mine", "Forget the project called mine"),
    ("buoy logout mine --json", "Print the name of the project as JSON"),
];

/// Forget a project and its authenticator
///
/// Removes both from this computer. Nothing changes at the project, and jobs that were submitted continue; log in again to
/// follow them.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Name of the project, as shown by buoy login --list
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Forgets the project and its authenticator.
///
/// # Errors
/// There is none of this name, or a file can't be written.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    Projects::open()?.remove(&args.name)?;
    render::output(args.json, &serde_json::json!({ "logged_out": args.name }), || Ok(()))?;
    Ok(Exit::Done)
}

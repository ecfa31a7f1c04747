//! `buoy logout`: forgets a project.

use crate::exit::Exit;
use crate::project::config::Projects;
use crate::render;

/// Arguments of `buoy logout`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Your name for the project
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
    if args.json {
        render::logged_out_json(&args.name)?;
    }
    Ok(Exit::Done)
}

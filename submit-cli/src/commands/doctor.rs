//! `buoy doctor`: is this computer fit to run campaigns?

use std::path::PathBuf;

use crate::doctor::{Facts, examine, is_fit};
use crate::exit::Exit;
use crate::render;

/// Arguments of `buoy doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look at the disk that this directory is on
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks at this computer and prints what is right and what is not.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let findings = examine(&Facts::gather(&args.out));
    match args.json {
        true => render::doctor::json(&findings)?,
        false => render::doctor::text(&findings)?,
    }
    Ok(if is_fit(&findings) { Exit::Done } else { Exit::HostCannot })
}

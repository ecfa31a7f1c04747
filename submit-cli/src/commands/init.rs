//! `buoy init`: a science app to start from.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::exit::Exit;
use crate::render;
use crate::starter::{self, Starter, StarterError};

/// Arguments of `buoy init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory to make; its last part names the app
    dir: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value_t = Starter::Shell)]
    template: Starter,
}

/// Writes the app and says what to do next.
///
/// # Errors
/// The directory cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    // The last part of `.` is that of the working directory.
    let absolute = std::path::absolute(&args.dir)?;
    let name = absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if args.dir.exists() {
        return Ok(render::refusal(&StarterError::Exists { dir: args.dir.clone() }.into()));
    }
    if let Err(error) = validators::workunit_name::check_app(name) {
        return Ok(render::refusal(&anyhow!("{error}")));
    }
    let written = match starter::write(args.template, name, &args.dir) {
        Err(error @ StarterError::Exists { .. }) => return Ok(render::refusal(&error.into())),
        written => written?,
    };
    render::starter(&args.dir, &written)?;
    Ok(Exit::Done)
}

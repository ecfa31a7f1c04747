//! `buoy admin clean`: removes the files of batches that have ended.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::admin::clean::{CleanError, removable, remove};
use crate::admin::database::Client;
use crate::admin::project_files::ProjectFiles;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::now;

const EXAMPLES: &[Example] = &[
    ("buoy admin clean .", "Show what can be removed from the project in the current directory"),
    ("buoy admin clean . --delete", "Remove it"),
];

/// Remove the files of retired and aborted batches
///
/// Buoy's inputs and outputs stay on the server until they are removed here. Removes outputs of batches that their submitters
/// have retired or aborted, and inputs that no other batch and no other job uses. Batches with instances on volunteers' computers
/// are left alone. Without --delete, only shows what would be removed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// The project's directory
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Remove the files
    #[arg(long)]
    delete: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shows what can be removed, and removes it if asked to.
///
/// # Errors
/// The database cannot be asked, a file cannot be removed, stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if !args.dir.join("config.xml").is_file() {
        let dir = args.dir.display();
        return Ok(render::refusal(&anyhow!("{dir}: not the directory of a BOINC project: no config.xml")));
    }
    let project = ProjectFiles::read(&args.dir);
    let (database, now) = (Client::of(&project), now());
    let found = match removable(&project, &database, now) {
        Ok(found) => found,
        Err(error) => return Ok(render::error(&error.into())),
    };
    let removed: Result<(), CleanError> = if args.delete { remove(&found, &database, now) } else { Ok(()) };
    match args.json {
        true => render::admin_clean::json(&found, args.delete && removed.is_ok())?,
        false => render::admin_clean::text(&found, args.delete)?,
    }
    removed?;
    Ok(Exit::Done)
}

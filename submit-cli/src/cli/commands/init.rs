//! `buoy init`: creates a science app, or converts one from BUDA.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::create::CreateError;
use crate::create::buda::{Limits, import};
use crate::create::starter::{self, Starter};
use crate::plan::load::load;
use crate::plan::sources::Sources;

const EXAMPLES: &[Example] = &[
    ("buoy init my-app", "Start from a shell script that reads one input file per job"),
    (
        "buoy init dock --from-buda buda_apps/dock --from-buda batch.zip",
        "Convert a BUDA app and one of its batches",
    ),
];

/// Create a new science app
///
/// Writes a small app that runs as it is, to be changed step by step. With --from-buda, converts an app or a batch of BUDA,
/// BOINC's own universal app, instead: what has to be fixed by hand is listed, and the exit code is then 1.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Directory to create; its last component is the app's name
    dir: PathBuf,
    /// App to start from
    #[arg(long, value_enum, default_value_t = Starter::Shell)]
    template: Starter,
    /// Convert from BUDA instead: an app directory (with desc.json), a batch (zip file or directory), or both (repeat the option)
    #[arg(long, value_name = "DIR_OR_ZIP", conflicts_with = "template")]
    from_buda: Vec<PathBuf>,
    /// Variant of the BUDA app [default: the only one, or intel_cpu]
    #[arg(long, value_name = "NAME", requires = "from_buda")]
    variant: Option<String>,
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
        return Ok(render::refusal(&CreateError::Exists { dir: args.dir.clone() }.into()));
    }
    if let Err(error) = boinc::names::workunit::check_app(name) {
        return Ok(render::refusal(&anyhow!("{error}")));
    }
    if !args.from_buda.is_empty() {
        return from_buda(args, name);
    }
    let written = match starter::write(args.template, name, &args.dir) {
        Err(error @ CreateError::Exists { .. }) => return Ok(render::refusal(&error.into())),
        written => written?,
    };
    render::starter(&args.dir, &written)?;
    Ok(Exit::Done)
}

/// Imports, and checks what came of it: a Dockerfile may do what only BUDA allows.
fn from_buda(args: &Args, name: &str) -> anyhow::Result<Exit> {
    let imported = match import(name, &args.from_buda, args.variant.as_deref(), &args.dir, Limits::default())
    {
        Ok(imported) => imported,
        Err(error @ (CreateError::Write { .. } | CreateError::Template(_))) => return Err(error.into()),
        Err(error) => return Ok(render::refusal(&error.into())),
    };
    render::imported(&args.dir, &imported)?;
    let mistakes = match imported.has_jobs {
        true => load(&Sources { app: args.dir.clone(), ..Sources::default() }).err(),
        false => crate::plan::load::science_app(&args.dir).err(),
    };
    match mistakes {
        None => Ok(Exit::Done),
        Some(mistakes) => Ok(render::left_to_fix(&mistakes)),
    }
}

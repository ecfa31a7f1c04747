//! `buoy init`: a science app to start from, or one that was BUDA's.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::buda::{ImportError, Limits, import};
use crate::exit::Exit;
use crate::load::load;
use crate::render;
use crate::sources::Sources;
use crate::starter::{self, Starter, StarterError};

/// Arguments of `buoy init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory to make; its last part names the app
    dir: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value_t = Starter::Shell)]
    template: Starter,
    /// Import from BOINC's BUDA instead: an app's directory (with desc.json), a batch (its zip file or directory), or both
    #[arg(long, value_name = "DIR_OR_ZIP", conflicts_with = "template")]
    from_buda: Vec<PathBuf>,
    /// The variant of the BUDA app [default: the only one, or intel_cpu]
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
        return Ok(render::refusal(&StarterError::Exists { dir: args.dir.clone() }.into()));
    }
    if let Err(error) = validators::workunit_name::check_app(name) {
        return Ok(render::refusal(&anyhow!("{error}")));
    }
    if !args.from_buda.is_empty() {
        return from_buda(args, name);
    }
    let written = match starter::write(args.template, name, &args.dir) {
        Err(error @ StarterError::Exists { .. }) => return Ok(render::refusal(&error.into())),
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
        Err(error @ (ImportError::Write { .. } | ImportError::Template(_))) => return Err(error.into()),
        Err(error) => return Ok(render::refusal(&error.into())),
    };
    render::imported(&args.dir, &imported)?;
    let mistakes = match imported.has_jobs {
        true => load(&Sources { app: args.dir.clone(), ..Sources::default() }).err(),
        false => crate::load::science_app(&args.dir).err(),
    };
    match mistakes {
        None => Ok(Exit::Done),
        Some(mistakes) => Ok(render::left_to_mend(&mistakes)),
    }
}

//! `buoy admin plan-class`: entries of `plan_class_spec.xml`.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::admin::plan_class::{Kind, Settings, document, merge};
use crate::admin::rewrite::rewrite;
use crate::exit::Exit;
use crate::render;
use anyhow::Context;

/// Arguments of `buoy admin plan-class`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan classes to write
    #[arg(value_enum, default_value = "docker")]
    kinds: Vec<Kind>,
    /// Put them into this file instead of printing them; what is there stays
    #[arg(long, value_name = "PLAN_CLASS_SPEC.XML")]
    file: Option<PathBuf>,
    /// Replace classes of the same name that say something else
    #[arg(long, requires = "file")]
    replace: bool,
    /// docker-mt: hosts with at least this many processors [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    min_cpus: Option<u32>,
    /// docker-mt: a job gets at most this many processors [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_cpus: Option<u32>,
    /// GPUs with at least this much memory
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    gpu_ram: Option<u32>,
    /// Windows: only hosts with BOINC's own WSL distro, of this version or later [default: any distro with Docker or Podman]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(1..))]
    min_boinc_distro: Option<u32>,
}

/// Prints the entries, or merges them into the file.
///
/// # Errors
/// The file cannot be read or written.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let settings = Settings {
        min_cpus: args.min_cpus,
        max_cpus: args.max_cpus,
        gpu_ram_mb: args.gpu_ram,
        min_boinc_distro: args.min_boinc_distro,
    };
    let entries = args.kinds.iter().map(|kind| kind.render(&settings)).collect::<Result<Vec<String>, _>>()?;
    let Some(file) = &args.file else {
        render::script(document(&entries).as_bytes())?;
        return Ok(Exit::Done);
    };
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => document(&[]),
        text => text.with_context(|| format!("{} cannot be read", file.display()))?,
    };
    let merged = match merge(&text, &entries, args.replace) {
        Ok(merged) => merged,
        Err(error) => {
            return Ok(render::refusal(&anyhow::anyhow!("{}: {error}", file.display())));
        }
    };
    if merged.text != text || !file.exists() {
        rewrite(file, &merged.text).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    render::admin::merged(file, &merged)?;
    Ok(Exit::Done)
}

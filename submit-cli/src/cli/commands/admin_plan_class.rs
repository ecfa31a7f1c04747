//! `buoy admin plan-class`: entries of `plan_class_spec.xml`.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::admin::plan_class::{Kind, Settings, document, merge};
use crate::admin::rewrite::rewrite;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use anyhow::Context;

const EXAMPLES: &[Example] = &[
    ("buoy admin plan-class", "Print the plan class for jobs with one CPU"),
    (
        "buoy admin plan-class docker docker-mt --max-cpus 8 --file plan_class_spec.xml",
        "Add two classes to a file",
    ),
];

/// Print plan classes for jobs in containers, or add them to a file
///
/// BOINC sends an app version of these classes only to computers that report Docker or Podman. Everything else in the file
/// stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Plan classes to write
    #[arg(value_enum, default_value = "docker")]
    kinds: Vec<Kind>,
    /// File to add them to, instead of printing them
    #[arg(long, value_name = "PLAN_CLASS_SPEC.XML")]
    file: Option<PathBuf>,
    /// Replace classes of the same name that differ
    #[arg(long, requires = "file")]
    replace: bool,
    /// docker-mt: minimum number of CPUs of a host [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    min_cpus: Option<u32>,
    /// docker-mt: maximum number of CPUs for a job [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_cpus: Option<u32>,
    /// Minimum memory of a GPU, in MB
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    gpu_ram: Option<u32>,
    /// Windows: require BOINC's own WSL distro, of this version or later [default: any distro with Docker or Podman]
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
        text => text.with_context(|| format!("failed to read {}", file.display()))?,
    };
    let merged = match merge(&text, &entries, args.replace) {
        Ok(merged) => merged,
        Err(error) => {
            return Ok(render::refusal(&anyhow::anyhow!("{}: {error}", file.display())));
        }
    };
    if merged.text != text || !file.exists() {
        rewrite(file, &merged.text).with_context(|| format!("failed to write {}", file.display()))?;
    }
    render::admin::merged(file, &merged)?;
    Ok(Exit::Done)
}

//! `buoy completions`: a completion script on stdout.

use clap_complete::Shell;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;

const EXAMPLES: &[Example] = &[
    (
        "buoy completions bash > ~/.local/share/bash-completion/completions/buoy",
        "Install completions for bash",
    ),
    ("buoy completions zsh > ~/.zfunc/_buoy", "Write completions to a directory of $fpath for zsh"),
];

/// Print a shell completion script
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Shell to generate the script for
    shell: Shell,
}

/// Writes the script.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &Args, buoy: &mut clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, buoy, "buoy", &mut script);
    render::script(&script)?;
    Ok(Exit::Done)
}

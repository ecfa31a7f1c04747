//! The command line of `buoy`.

use clap::{Parser, Subcommand};

use crate::commands;

/// Runs containerised programs on the computers of BOINC volunteers
#[derive(Debug, Parser)]
#[command(name = "buoy", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// One verb, one file in `commands/`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a science app to start from
    Init(commands::init::Args),
    /// Say what a campaign would run, or everything that is wrong with it
    Check(commands::check::Args),
    /// Write what would be sent to a folder: templates, files, a line for each job
    Pack(commands::pack::Args),
    /// Run a campaign on this computer, as volunteers' computers would
    Run(commands::run::Args),
    /// Print a completion script for a shell
    Completions(commands::completions::Args),
}

//! `buoy`: the tool of submitters and admins.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(submit_cli::commands::run(submit_cli::cli::Cli::parse()).code())
}

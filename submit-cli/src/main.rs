//! `buoy`: the tool of submitters and admins.

use std::process::ExitCode;

use clap::Parser;
use submit_cli::exit::Exit;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        submit_cli::render::bug(panic);
        std::process::exit(Exit::Internal.code().into());
    }));
    ExitCode::from(submit_cli::commands::run(submit_cli::cli::Cli::parse()).code())
}

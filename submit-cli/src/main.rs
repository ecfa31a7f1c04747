//! `buoy`: the tool of submitters and admins.

use std::process::ExitCode;

use clap::Parser;
use submit_cli::cli::exit::Exit;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        submit_cli::cli::render::bug(panic);
        std::process::exit(Exit::Internal.code().into());
    }));
    ExitCode::from(submit_cli::cli::run(submit_cli::cli::Cli::parse()).code())
}

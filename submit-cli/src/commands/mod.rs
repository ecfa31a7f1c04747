//! The verbs of `buoy`: one file each, wiring only.

use crate::cli::{Cli, Verb};
use crate::exit::Exit;

pub mod check;
pub mod completions;
pub mod init;
pub mod pack;
pub mod run;

/// Carries out a command line; every error is printed here and nowhere else.
pub fn run(cli: Cli) -> Exit {
    let done = match cli.verb {
        Verb::Init(args) => init::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Pack(args) => pack::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| crate::render::error(&error))
}

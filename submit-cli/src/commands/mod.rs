//! The verbs of `buoy`: one file each, wiring only.

use crate::campaign::CampaignError;
use crate::cli::{Cli, Verb};
use crate::exit::Exit;

pub mod admin;
pub mod admin_app_version;
pub mod admin_check;
pub mod admin_plan_class;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod fetch;
pub mod init;
pub mod logs;
pub mod pack;
pub mod run;
pub mod status;
pub mod submit;

/// Carries out a command line; every error is printed here and nowhere else.
pub fn run(cli: Cli) -> Exit {
    let done = match cli.verb {
        Verb::Init(args) => init::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Pack(args) => pack::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Submit(args) => submit::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Logs(args) => logs::run(&args),
        Verb::Fetch(args) => fetch::run(&args),
        Verb::Admin(args) => admin::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| match error.downcast_ref() {
        Some(CampaignError::Missing { .. }) => crate::render::refusal(&error),
        _ => crate::render::error(&error),
    })
}

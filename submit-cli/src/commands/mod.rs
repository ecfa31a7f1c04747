//! The verbs of `buoy`: one file each, wiring only.

use crate::campaign::CampaignError;
use crate::cli::{Cli, Verb};
use crate::exit::Exit;
use crate::project::config::ConfigError;
use crate::project::error::ProjectError;

pub mod admin;
pub mod admin_app_version;
pub mod admin_check;
pub mod admin_plan_class;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod fetch;
pub mod init;
pub mod login;
pub mod logout;
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
        Verb::Login(args) => login::run(&args),
        Verb::Logout(args) => logout::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| {
        let of_project = error.chain().find_map(|cause| cause.downcast_ref::<ProjectError>());
        let is_missing = matches!(error.downcast_ref(), Some(CampaignError::Missing { .. }));
        let is_input = is_missing
            || of_project.is_some_and(ProjectError::is_bad_input)
            || error.downcast_ref().is_some_and(ConfigError::is_bad_input);
        let exit = if is_input { crate::render::refusal(&error) } else { crate::render::error(&error) };
        if let Some(help) = of_project.and_then(ProjectError::help) {
            crate::render::help(&help);
        }
        exit
    })
}

//! The verbs of `buoy`: one file each, wiring only.

use crate::campaign::CampaignError;
use crate::cli::{Cli, Verb};
use crate::exit::Exit;
use crate::project::error::ProjectError;

pub mod abort;
pub mod admin;
pub mod admin_app_version;
pub mod admin_check;
pub mod admin_plan_class;
pub mod admin_routes;
pub mod admin_spool;
mod as_owner;
pub mod check;
pub mod compare;
pub mod completions;
pub mod connect;
pub mod doctor;
pub mod fetch;
pub mod init;
pub mod list;
pub mod login;
pub mod logout;
pub mod logs;
pub mod pack;
pub mod question;
pub mod report;
pub mod retire;
pub mod retry;
pub mod run;
pub mod status;
pub mod submit;
pub mod watch;
pub mod which_campaign;

/// Carries out a command line; every error is printed here and nowhere else.
pub fn run(cli: Cli) -> Exit {
    let done = match cli.verb {
        Verb::Init(args) => init::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Compare(args) => compare::run(&args),
        Verb::Pack(args) => pack::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Submit(args) => submit::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Watch(args) => watch::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Logs(args) => logs::run(&args),
        Verb::Retry(args) => retry::run(&args),
        Verb::Abort(args) => abort::run(&args),
        Verb::Retire(args) => retire::run(&args),
        Verb::Fetch(args) => fetch::run(&args),
        Verb::Admin(args) => admin::run(&args),
        Verb::Login(args) => login::run(&args),
        Verb::Logout(args) => logout::run(&args),
        Verb::Report(args) => report::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| {
        let is_missing = matches!(error.downcast_ref(), Some(CampaignError::Missing { .. }));
        let exit = match is_missing || connect::is_refusal(&error) {
            true => crate::render::refusal(&error),
            false => crate::render::error(&error),
        };
        if let Some(help) = connect::project_error(&error).and_then(ProjectError::help) {
            crate::render::help(&help);
        }
        exit
    })
}

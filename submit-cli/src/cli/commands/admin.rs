//! `buoy admin`: the commands of a project's administrator.

use clap::Subcommand;

use super::{admin_app_version, admin_check, admin_clean, admin_plan_class, admin_routes, admin_spool};
use crate::cli::exit::Exit;

/// Set up and check a BOINC project
///
/// Run these commands in the project's directory on its server, as the project's owner.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(admin_check::Args),
    AppVersion(admin_app_version::Args),
    PlanClass(admin_plan_class::Args),
    Routes(admin_routes::Args),
    Spool(admin_spool::Args),
    Clean(admin_clean::Args),
}

/// Carries out one of the verbs.
///
/// # Errors
/// As the verb says.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Check(args) => admin_check::run(args),
        Verb::AppVersion(args) => admin_app_version::run(args),
        Verb::PlanClass(args) => admin_plan_class::run(args),
        Verb::Routes(args) => admin_routes::run(args),
        Verb::Spool(args) => admin_spool::run(args),
        Verb::Clean(args) => admin_clean::run(args),
    }
}

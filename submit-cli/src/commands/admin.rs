//! `buoy admin`: what a project's admin does; a verb of its own for each.

use clap::Subcommand;

use super::{admin_app_version, admin_check, admin_plan_class, admin_routes, admin_spool};
use crate::exit::Exit;

/// Arguments of `buoy admin`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what is missing or unsafe in a project, line by line
    Check(admin_check::Args),
    /// Write app versions for BOINC's update_versions to install
    AppVersion(admin_app_version::Args),
    /// Write plan classes for jobs in containers
    PlanClass(admin_plan_class::Args),
    /// Say how results are routed to rules, and whether scripts are there and in order
    Routes(admin_routes::Args),
    /// Show, retry or drop what assimilation could not finish
    Spool(admin_spool::Args),
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
    }
}

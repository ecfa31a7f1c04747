//! `buoy admin`: what a project's admin does; a verb of its own for each.

use clap::Subcommand;

use super::admin_plan_class;
use crate::exit::Exit;

/// Arguments of `buoy admin`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write plan classes for jobs in containers
    PlanClass(admin_plan_class::Args),
}

/// Carries out one of the verbs.
///
/// # Errors
/// As the verb says.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::PlanClass(args) => admin_plan_class::run(args),
    }
}

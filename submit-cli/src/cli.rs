//! The command line of `buoy`.

use clap::{Parser, Subcommand};

use crate::commands;

/// Runs containerised programs on the computers of BOINC volunteers
#[derive(Debug, Parser)]
#[command(name = "buoy", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// One verb, one file in `commands/`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a science app to start from
    Init(commands::init::Args),
    /// Say what a campaign would run, or everything that is wrong with it
    Check(commands::check::Args),
    /// Try an app's rules on two results, and explain what comes out
    Compare(commands::compare::Args),
    /// Write what would be sent to a folder: templates, files, a line for each job
    Pack(commands::pack::Args),
    /// Run a campaign on this computer, as volunteers' computers would
    Run(commands::run::Args),
    /// Make a project known, with the authenticator that proves who you are there
    Login(commands::login::Args),
    /// Forget a project and its authenticator
    Logout(commands::logout::Args),
    /// Send a campaign to a BOINC project
    Submit(commands::submit::Args),
    /// Say where a campaign stands
    Status(commands::status::Args),
    /// Show how a campaign goes on at its project until all jobs are over
    Watch(commands::watch::Args),
    /// List the campaigns of this computer
    List(commands::list::Args),
    /// Print what a job wrote
    Logs(commands::logs::Args),
    /// Bring outputs of finished jobs, and write the table of results anew
    Fetch(commands::fetch::Args),
    /// Write a campaign as one HTML page
    Report(commands::report::Args),
    /// Submit failed jobs once more, with more memory or time if need be
    Retry(commands::retry::Args),
    /// Take back a campaign, or jobs of it, from its project
    Abort(commands::abort::Args),
    /// Tell the project that a campaign's files are not needed any more
    Retire(commands::retire::Args),
    /// What a project's admin does: app versions, plan classes, a look at the project
    Admin(commands::admin::Args),
    /// Say whether this computer is fit to run campaigns, and what to do if not
    Doctor(commands::doctor::Args),
    /// Print a completion script for a shell
    Completions(commands::completions::Args),
}

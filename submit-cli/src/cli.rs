//! The command line of `buoy`.

pub mod commands;
pub mod elsewhere;
pub mod exit;
mod help;
pub mod render;
mod verbose;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::exit::Exit;
use crate::platform::{LINUX_HELP, RUNS_JOBS, run_on_linux};
use crate::project::error::ProjectError;

/// Run containerised programs on the computers of BOINC volunteers
///
/// Describe a science app with `buoy init` and `buoy check`, try it on this computer with `buoy run`, then send its jobs
/// to a BOINC project with `buoy submit`.
#[derive(Debug, Parser)]
#[command(
    name = "buoy",
    version,
    max_term_width = 100,
    help_template = help::overview(&Verb::augment_subcommands(clap::Command::new("buoy"))),
    after_help = "Run 'buoy COMMAND --help' for the options and examples of a command."
)]
pub struct Cli {
    /// Log each request and engine command to stderr; -vv logs more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// One verb, one file in `commands/`, where the doc comment of its arguments is its help.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a doc comment here would replace the help")]
pub enum Verb {
    Init(commands::init::Args),
    Check(commands::check::Args),
    Compare(commands::compare::Args),
    Pack(commands::pack::Args),
    Run(commands::run::Args),
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Submit(commands::submit::Args),
    Status(commands::status::Args),
    Watch(commands::watch::Args),
    List(commands::list::Args),
    Logs(commands::logs::Args),
    Fetch(commands::fetch::Args),
    Report(commands::report::Args),
    Retry(commands::retry::Args),
    Abort(commands::abort::Args),
    Retire(commands::retire::Args),
    Admin(commands::admin::Args),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
}

impl Verb {
    /// Its name, if it needs what runs jobs, or a project's server: Linux.
    fn runs_jobs(&self) -> Option<&'static str> {
        match self {
            Self::Run(_) => Some("run"),
            Self::Doctor(_) => Some("doctor"),
            Self::Admin(_) => Some("admin"),
            _ => None,
        }
    }
}

/// Has the `buoy` of a Linux system on this computer carry out a command that this system cannot.
fn on_linux(name: &str) -> Exit {
    let mut command = Cli::command();
    command.build();
    // They were understood once already.
    let matches = command.clone().get_matches();
    let error = match run_on_linux(&|path| elsewhere::words(&command, &matches, path)) {
        Ok(status) => std::process::exit(status),
        Err(error) => error,
    };
    let exit =
        render::error(&anyhow::Error::new(error).context(format!("failed to start buoy {name} on Linux")));
    render::help(LINUX_HELP);
    exit
}

/// Carries out a command line; every error is printed here and nowhere else.
pub fn run(cli: Cli) -> Exit {
    verbose::start(cli.verbose);
    if let Some(name) = cli.verb.runs_jobs().filter(|_| !RUNS_JOBS) {
        return on_linux(name);
    }
    let done = match cli.verb {
        Verb::Init(args) => commands::init::run(&args),
        Verb::Check(args) => commands::check::run(&args),
        Verb::Compare(args) => commands::compare::run(&args),
        Verb::Pack(args) => commands::pack::run(&args),
        Verb::Run(args) => commands::run::run(&args),
        Verb::Submit(args) => commands::submit::run(&args),
        Verb::Status(args) => commands::status::run(&args),
        Verb::Watch(args) => commands::watch::run(&args),
        Verb::List(args) => commands::list::run(&args),
        Verb::Logs(args) => commands::logs::run(&args),
        Verb::Retry(args) => commands::retry::run(&args),
        Verb::Abort(args) => commands::abort::run(&args),
        Verb::Retire(args) => commands::retire::run(&args),
        Verb::Fetch(args) => commands::fetch::run(&args),
        Verb::Admin(args) => commands::admin::run(&args),
        Verb::Login(args) => commands::login::run(&args),
        Verb::Logout(args) => commands::logout::run(&args),
        Verb::Report(args) => commands::report::run(&args),
        Verb::Doctor(args) => commands::doctor::run(&args),
        Verb::Completions(args) => commands::completions::run(&args, &mut Cli::command()),
    };
    done.unwrap_or_else(|error| {
        let exit = if commands::connect::is_refusal(&error) {
            render::refusal(&error)
        } else {
            render::error(&error)
        };
        if let Some(help) = commands::connect::project_error(&error).and_then(ProjectError::help) {
            render::help(&help);
        }
        exit
    })
}

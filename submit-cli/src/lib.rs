//! The submitter's side: app and batch files, packing, local runs, submission.
//!
//! Everything starts with a [`plan::Plan`]: [`plan::load::load`] reads the submitter's files and returns one, or all
//! their mistakes. `buoy` is a thin command line over this library; another program can do the same:
//!
//! ```no_run
//! use submit_cli::{plan::load, package::pack, plan::sources::Sources, package::template::Templates};
//!
//! let sources = Sources { app: "vina".into(), jobs: vec!["ligands.csv".into()], ..Sources::default() };
//! match load::load(&sources) {
//!     Ok(plan) => {
//!         let package = pack::pack(&plan, &Templates::default())?;
//!         println!("{} jobs, {} bytes of files", plan.jobs.len(), package.bytes());
//!     }
//!     Err(mistakes) => mistakes.iter().for_each(|mistake| eprintln!("{mistake}")),
//! }
//! # Ok::<(), pack::PackError>(())
//! ```
//!
//! A portal or a workflow system submits as `buoy submit` does. After any interruption, the same calls with the same
//! directory resume, and do not create a job twice:
//!
//! ```no_run
//! use submit_cli::campaign::{Campaign, event::Silent};
//! use submit_cli::clock::{Clock, SystemClock};
//! use submit_cli::project::config::Projects;
//! use submit_cli::remote::submission::{self, Options, submission_plan::SubmissionPlan};
//! use submit_cli::{plan::load, plan::sources::Sources, package::template::Templates};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sources = Sources { app: "vina".into(), jobs: vec!["ligands.csv".into()], ..Sources::default() };
//! let plan = load::load(&sources).map_err(|mistakes| mistakes[0].to_string())?;
//! let (entry, client) = Projects::open()?.client(None)?;
//! let clock = SystemClock::catching_signals()?;
//! let submission_plan = SubmissionPlan::new(&plan, &entry, &Templates::default(), clock.now())?;
//!
//! let results = std::path::Path::new("results");
//! let mut campaign = Campaign::open_for_run(results)?;
//! submission::prepare(&mut campaign, &submission_plan, results)?;
//! let options = Options::in_directory(results);
//! let counts = submission::resume(&mut campaign, &client, &clock, &Silent, &options)?;
//! assert_eq!(counts.waiting, 0);
//! # Ok(())
//! # }
//! ```

pub mod admin;
pub mod campaign;
pub mod cli;
pub mod clock;
mod command_log;
mod create;
mod local;
pub mod package;
pub mod plan;
mod platform;
pub mod project;
pub mod remote;
pub mod report;
mod user_dirs;

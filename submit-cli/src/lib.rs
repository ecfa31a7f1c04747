//! The submitter's side: app and batch files, packing, the local backend.
//!
//! Everything begins with a [`plan::Plan`]: [`load::load`] reads the submitter's files and gives one, or all their
//! mistakes. `buoy` is a thin command line over this library; another program can do the same:
//!
//! ```no_run
//! use submit_cli::{load, pack, sources::Sources, template::Templates};
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

pub mod app;
pub mod batch;
pub mod bundle;
pub mod campaign;
pub mod check;
pub mod cli;
pub mod clock;
pub mod command;
pub mod commands;
pub mod content;
pub mod diagnostic;
pub mod doctor;
pub mod exit;
pub mod expand;
pub mod hash_cache;
pub mod hashing;
pub mod job_toml;
pub mod jobs;
pub mod load;
pub mod local;
pub mod names;
pub mod pack;
pub mod physical;
pub mod placeholder;
pub mod plan;
pub mod progress;
pub mod project;
pub mod render;
pub mod results;
pub mod sources;
pub mod standing;
pub mod starter;
pub mod submission;
pub mod template;
pub mod toml_section;
pub mod units;
pub mod workunit;

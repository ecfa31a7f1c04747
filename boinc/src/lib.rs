//! What every program of Buoy knows about BOINC and about the files they share. No engine, no HTTP.
//!
//! - [`wire`]: what a BOINC client and its app exchange: init_data.xml, shared memory, slot links, finish files
//! - [`frames`]: what the front and the agent say to each other on Windows
//! - [`job`]: what a job may and does ask for: job.toml, policy files, arguments
//! - [`dockerfile`], [`archive`]: the strict readers of what a submitter brings
//! - [`names`]: names of workunits and their files
//! - [`xml`], [`entity`]: XML as BOINC reads it, as a tree with places
//! - [`toml_file`], [`diagnostic`]: TOML with places and all mistakes at once
//! - [`file_error`], [`error_chain`]: errors with their files and causes
//! - [`nofollow`]: files of jobs, without following links
//! - [`signal`]: signals in exit statuses
//! - [`platform`]: what differs between operating systems

pub mod archive;
pub mod atomic_file;
pub mod backoff;
pub mod calendar;
pub mod clock;
pub mod diagnostic;
pub mod dockerfile;
pub mod entity;
pub mod error_chain;
pub mod file_error;
pub mod frames;
pub mod hex;
pub mod job;
pub mod names;
pub mod nofollow;
pub mod platform;
pub mod shell;
pub mod signal;
pub mod spelling;
pub mod toml_file;
pub mod visible;
pub mod wire;
pub mod xml;

//! From a submitter's files to a plan and a package, through the `buoy` command.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archives;
mod checks;
mod compare;
mod create_work;
mod folder;
mod help;
mod jobs;
mod limits;
mod mistakes;
mod packing;
mod route_owner;
mod route_scripts;
mod routes;
mod starters;

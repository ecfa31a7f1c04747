//! `buoy admin` on project directories made for each test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app_version;
mod buda;
mod check;
mod check_server;
mod clean;
mod fix;
mod plan_class;
mod project;
mod server;
mod update_versions;

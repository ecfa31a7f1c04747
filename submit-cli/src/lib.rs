//! The submitter's side: app and batch files, packing, the local backend.

pub mod app;
pub mod campaign;
pub mod cli;
pub mod command;
pub mod commands;
pub mod diagnostic;
pub mod exit;
pub mod local;
pub mod placeholder;
pub mod plan;
pub mod render;
pub mod sources;
pub mod workunit;

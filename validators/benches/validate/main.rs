//! `./x bench validate`: measures what the validators promise and prints one table.
//!
//! How each figure is taken is described in docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a figure that can't be measured ends with its reason in the table")]

mod figures;
mod material;
mod numbers;
mod oracle;
mod pairs;
mod project;
#[path = "../run/mod.rs"]
mod run;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    run::run(figures::FIGURES)
}

//! `./x bench submit`: measures what a submission promises and prints one table.
//!
//! How each figure is taken is described in docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a figure that can't be measured ends with its reason in the table")]

#[path = "../../tests/project/campaign.rs"]
mod campaign;
mod figures;
mod process;
#[path = "../../tests/project/random.rs"]
mod random;
#[path = "../../../validators/benches/run/mod.rs"]
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    run::run(figures::FIGURES)
}

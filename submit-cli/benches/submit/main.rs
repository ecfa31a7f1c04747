//! `./x bench submit`: measures what a submission promises and prints one table.
//!
//! As with the other benchmarks a missed bar is said in the table and fails nothing; the exit status is 1 only if
//! something could not be measured. How each figure is taken is described in docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a figure that can't be measured ends with its reason in the table")]

#[path = "../../tests/project/campaign.rs"]
mod campaign;
mod figures;
mod process;
#[path = "../../tests/project/random.rs"]
mod random;
#[path = "../../../validators/benches/validate/table.rs"]
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use figures::FIGURES;
use table::Row;

fn main() -> ExitCode {
    // `cargo bench` adds a word of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("no figure '{unknown}'; known are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let mut rows = Vec::new();
    let mut all_measured = true;
    for figure in
        FIGURES.iter().filter(|figure| wanted.is_empty() || wanted.iter().any(|name| name == figure.name))
    {
        eprintln!("{}: {} …", figure.name, figure.about);
        let began = Instant::now();
        match catch_unwind(AssertUnwindSafe(figure.measure)) {
            Ok(measured) => rows.extend(measured),
            Err(_) => {
                all_measured = false;
                rows.push(Row::not_measured(figure.name));
            }
        }
        eprintln!("{}: took {:.0} s", figure.name, began.elapsed().as_secs_f64());
    }
    table::print(&rows);
    if all_measured { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

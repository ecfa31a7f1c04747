//! A run of a benchmark: the figures that are wanted, one after the other, then one table. Shared by all benchmarks but
//! the wrapper's, which has an engine to set up and compares with more.
//!
//! A missed bar is said in the table and fails nothing; the exit status is 1 only if something could not be measured.

mod memory;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

pub use memory::resident_peak_bytes;
pub use table::Row;

/// A group of figures that are taken together.
pub struct Figure {
    /// What it is called on the command line.
    pub name: &'static str,
    pub about: &'static str,
    /// Panics if it can't be measured.
    pub measure: fn() -> Vec<Row>,
}

/// Takes the figures that the command line names, or all, in this order.
pub fn run(figures: &[Figure]) -> ExitCode {
    // `cargo bench` adds a word of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let known: Vec<&str> = figures.iter().map(|figure| figure.name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("no figure '{unknown}'; known are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let mut rows = Vec::new();
    let mut all_measured = true;
    for figure in
        figures.iter().filter(|figure| wanted.is_empty() || wanted.iter().any(|name| name == figure.name))
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

//! `./x bench [NAME…] [--engine docker|podman]`: measures what Buoy promises and prints one table.
//!
//! Performance is measured here, not asserted: a missed bar is said in the table and fails nothing. The exit status is 1 only
//! if something could not be measured. How each figure is taken is described in docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a figure that can't be measured ends with its reason in the table")]

mod app;
mod engine_log;
mod figures;
mod raw;
mod stats;
#[path = "../../tests/integration/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests' emulated client can do more than is measured")]
mod support;
mod table;
mod workbench;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use figures::FIGURES;
use support::Engine;
use table::Row;
use workbench::Workbench;

struct Asked {
    names: Vec<String>,
    engine: Engine,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut asked = Self { names: Vec::new(), engine: Engine::Docker };
        while let Some(word) = words.next() {
            match word.as_str() {
                // `cargo bench` adds it.
                "--bench" => {}
                "--engine" => {
                    asked.engine = match words.next().as_deref() {
                        Some("docker") => Engine::Docker,
                        Some("podman") => Engine::Podman,
                        other => {
                            return Err(format!("--engine: found {other:?}; known are docker and podman"));
                        }
                    }
                }
                name if FIGURES.iter().any(|figure| figure.name == name) => asked.names.push(word),
                name => {
                    let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
                    return Err(format!("no figure '{name}'; known are {}", known.join(", ")));
                }
            }
        }
        Ok(asked)
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

fn main() -> ExitCode {
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let bench = Workbench::new(asked.engine);
    let mut rows = Vec::new();
    let mut all_measured = true;
    for figure in FIGURES.iter().filter(|figure| asked.wants(figure.name)) {
        eprintln!("{}: {} …", figure.name, figure.about);
        let began = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| (figure.measure)(&bench))) {
            Ok(measured) => rows.extend(measured),
            Err(_) => {
                all_measured = false;
                rows.push(Row::not_measured(figure.name));
            }
        }
        eprintln!("{}: took {:.0} s", figure.name, began.elapsed().as_secs_f64());
    }
    bench.describe_machine();
    table::print(&rows);
    if all_measured { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

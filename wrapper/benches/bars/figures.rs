//! Everything that is measured, in the order of the table.

mod archive;
mod broken_off;
mod build;
mod cold_host;
mod exit_latency;
mod front;
mod killed_runs;
mod large_input;
mod planning;
mod processor_time;
mod second_job;
mod size;
mod suspend;
mod throughput;

use crate::table::Row;
use crate::workbench::Workbench;

/// One thing to measure, by itself: `./x bench NAME`.
pub struct Figure {
    pub name: &'static str,
    pub about: &'static str,
    pub measure: fn(&Workbench) -> Vec<Row>,
}

pub const FIGURES: &[Figure] = &[
    Figure {
        name: "throughput",
        about: "100 one-second jobs, and the same by the raw engine",
        measure: throughput::measure,
    },
    Figure {
        name: "second-job",
        about: "builds and pulls of an app's second job",
        measure: second_job::measure,
    },
    Figure { name: "cold-host", about: "builds when 8 slots start at once", measure: cold_host::measure },
    Figure { name: "large-input", about: "a 2 GB input in link mode", measure: large_input::measure },
    Figure {
        name: "build",
        about: "images built, and by the engine's own builders",
        measure: build::measure,
    },
    Figure {
        name: "broken-off",
        about: "abort, quit and suspend while an image is made",
        measure: broken_off::measure,
    },
    Figure { name: "archive", about: "an image archive of 500 MB", measure: archive::measure },
    Figure { name: "planning", about: "10,000 jobs from a table", measure: planning::measure },
    Figure { name: "killed-runs", about: "buoy run killed at ten moments", measure: killed_runs::measure },
    Figure {
        name: "exit-latency",
        about: "a job's end to the finish file, 50 jobs",
        measure: exit_latency::measure,
    },
    Figure { name: "suspend", about: "suspend and resume", measure: suspend::measure },
    Figure {
        name: "processor-time",
        about: "what the wrapper takes, and what it reports (70 s)",
        measure: processor_time::measure,
    },
    Figure {
        name: "front",
        about: "the wrapper as the agent of a front, as on Windows, but on one system (90 s)",
        measure: front::measure,
    },
    Figure { name: "size", about: "the wrapper's binary", measure: size::measure },
];

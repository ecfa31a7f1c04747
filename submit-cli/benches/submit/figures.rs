//! What is measured; each name can be given to `./x bench submit`.

use crate::run::Figure;

mod hashing;
mod planning;
mod polling;
mod sending;
mod surviving;
mod telling;

/// In the order of the table.
pub const FIGURES: &[Figure] = &[
    Figure {
        name: "planning",
        about: "expand, check and pack 10,000 and 100,000 jobs offline",
        measure: planning::measure,
    },
    Figure {
        name: "hashing",
        about: "hash 1 GB of inputs, then the same unchanged",
        measure: hashing::measure,
    },
    Figure {
        name: "sending",
        about: "submit 10,000 jobs with 10,000 inputs to an emulated project, and the same again",
        measure: sending::measure,
    },
    Figure {
        name: "polling",
        about: "fold what changed in a campaign of 10,000 jobs",
        measure: polling::measure,
    },
    Figure {
        name: "surviving",
        about: "1,000 random campaigns with lost requests, lost replies and kills",
        measure: surviving::measure,
    },
    Figure {
        name: "telling",
        about: "say where a campaign of 100,000 jobs stands",
        measure: telling::measure,
    },
];

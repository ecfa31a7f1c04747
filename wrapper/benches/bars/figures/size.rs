//! What a volunteer downloads.

use std::fs;

use crate::table::Row;
use crate::workbench::Workbench;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let bytes = fs::metadata(bench.program("buoy-wrapper")).unwrap().len() as f64;
    vec![Row::new(
        "wrapper's binary, release, stripped",
        format!("{:.2} MB", bytes / 1e6),
        "≤ 3 MB",
        bytes <= 3e6,
    )]
}

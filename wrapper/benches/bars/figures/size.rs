//! What a volunteer downloads.

use std::fs;

use crate::table::Row;
use crate::workbench::Workbench;

pub fn measure(_bench: &Workbench) -> Vec<Row> {
    let bytes = fs::metadata(env!("CARGO_BIN_EXE_buoy-wrapper")).unwrap().len() as f64;
    vec![Row::new(
        "wrapper's binary, as volunteers get it",
        format!("{:.2} MB", bytes / 1e6),
        "≤ 3 MB",
        bytes <= 3e6,
    )]
}

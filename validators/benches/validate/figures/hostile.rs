//! Outputs made to do harm: a verdict, within limits of time and memory.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::{MEMORY_BAR, megabytes};
use crate::project::Project;
use crate::run::Row;

const RULES: &[&str] = &[
    "rule = 'bytes'",
    "rule = 'text'\nignore_lines = ['^x']",
    "rule = 'numbers'\nabsolute = 0.1\nat = [{ key = 'x', absolute = 1 }]",
    "rule = 'table'\nkeys = [1]\nheader = false",
    "rule = 'json'\nabsolute = 0.1",
    "rule = 'array'",
];

/// Gigabytes that are holes in a file: nothing is stored, all is read.
fn holes(path: &Path, start: &[u8], end: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(start).unwrap();
    file.seek(SeekFrom::Start(10_000_000_000)).unwrap();
    file.write_all(end).unwrap();
}

fn repeat(path: &Path, piece: &str, end: &str) {
    fs::write(path, piece.repeat(20_000_000 / piece.len()) + end).unwrap();
}

pub fn measure() -> Vec<Row> {
    let mut worst = (Duration::ZERO, String::new());
    let mut peak = 0;
    let mut without_verdict = Vec::new();
    let mut count = 0;
    type Put = Box<dyn Fn(&Path, bool)>;
    const TEXTS: &[&str] = &[
        "[",
        "{\"a\":",
        "1e999999999 ",
        "1-1",
        "a,",
        "1.5,2\n",
        "\"",
        "nan ",
        "\\u0000",
        "0x1p3 ",
        "--",
        "é",
    ];
    let mut puts: Vec<(String, Put)> = TEXTS
        .iter()
        .map(|text| {
            let put: Put =
                Box::new(move |path, is_first| repeat(path, text, if is_first { "1" } else { "2" }));
            (format!("20 MB of {text:?}"), put)
        })
        .collect();
    puts.push((
        "a line of 10 GB".into(),
        Box::new(|path, is_first| {
            holes(path, b"1", if is_first { b"1" } else { b"2" });
        }),
    ));
    puts.push((
        "an npy file that announces 10^18 elements".into(),
        Box::new(|path, is_first| {
            let header = format!(
                "{{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, {}000000000), }}\n",
                u8::from(is_first) + 1
            );
            let mut bytes = b"\x93NUMPY\x01\0".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            fs::write(path, bytes).unwrap();
        }),
    ));
    for (label, put) in &puts {
        for rule in RULES {
            let project = Project::new(rule);
            let (a, b) = (project.output(0), project.output(1));
            put(&a, true);
            put(&b, false);
            // Something after the difference, so that a rule that ends with a line has to go on.
            OpenOptions::new().append(true).open(&b).unwrap().write_all(b"\n7\n").unwrap();
            let run = project.run("buoy-compare", &[&a, &b]);
            count += 1;
            if run.wall > worst.0 {
                worst = (run.wall, format!("{label} with {}", rule.lines().next().unwrap_or_default()));
            }
            peak = peak.max(run.peak_bytes);
            if !matches!(run.code, Some(0 | 1)) {
                without_verdict.push(format!("{label} with {rule}: {:?}", run.code));
            }
        }
    }
    vec![
        Row::new(
            format!("hostile outputs ({count} pairs, 10 GB in a line among them): without a verdict"),
            format!("{} {}", without_verdict.len(), without_verdict.join("; ")),
            "0",
            without_verdict.is_empty(),
        ),
        Row::new(
            "the same: resident memory, peak",
            format!("{:.1} MB", megabytes(peak)),
            "≤ 16 MB",
            peak <= MEMORY_BAR,
        ),
        Row::without_bar("the same: slowest", format!("{:.1} s ({})", worst.0.as_secs_f64(), worst.1)),
    ]
}

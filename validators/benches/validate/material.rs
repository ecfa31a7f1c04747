//! Files to compare.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::numbers::Numbers;

/// How numbers are written.
#[derive(Clone, Copy)]
pub enum Style {
    /// `-12.345`, eight a line.
    Fixed,
    /// `-1.234567e-02`, six a line.
    Scientific,
    /// A molecule's atoms: words, counts and coordinates in columns.
    Atoms,
}

/// Writes two texts of about `bytes` each, a block of 32 MB over and over.
pub fn write_pair(style: Style, bytes: u64, a: &Path, b: &Path) {
    let blocks = blocks(style, bytes.min(32_000_000));
    for (path, block) in [a, b].into_iter().zip(&blocks) {
        let mut file = File::create(path).unwrap();
        for _ in 0..bytes.div_ceil(block.len() as u64) {
            file.write_all(block).unwrap();
        }
    }
}

/// Two texts of about `bytes`; every number that is not a count differs by one in its last place.
fn blocks(style: Style, bytes: u64) -> [Vec<u8>; 2] {
    let mut texts = [Vec::new(), Vec::new()];
    let mut numbers = Numbers::new(7);
    let mut lines = [String::new(), String::new()];
    let mut atom = 0u64;
    while (texts[0].len() as u64) < bytes {
        lines.iter_mut().for_each(String::clear);
        let pieces = match style {
            Style::Fixed => 8,
            Style::Scientific => 6,
            Style::Atoms => 1,
        };
        for piece in 0..pieces {
            let (value, is_negative) = (numbers.below(99_998), numbers.below(2) == 0);
            let exponent = numbers.below(12);
            let sign = if is_negative { "-" } else { "" };
            let coordinates: Vec<u64> = (0..3).map(|_| numbers.below(99_998)).collect();
            atom += 1;
            for (line, by) in lines.iter_mut().zip(0..) {
                use std::fmt::Write;
                let gap = if piece == 0 { "" } else { " " };
                let place = |value: u64| (value + by) as f64 / 1000.0;
                match style {
                    Style::Fixed => write!(line, "{gap}{sign}{:.3}", place(value)).unwrap(),
                    Style::Scientific => {
                        let value = value + by;
                        write!(line, "{gap}{sign}1.{value:06}e-{exponent:02}").unwrap();
                    }
                    Style::Atoms => {
                        let [x, y, z] = [0, 1, 2].map(|i| place(coordinates[i]));
                        write!(
                            line,
                            "ATOM {atom:>8}  C1  LIG A   1    {x:8.3}{y:9.3}{z:9.3}  1.00  0.00     C"
                        )
                        .unwrap();
                    }
                }
            }
        }
        for (text, line) in texts.iter_mut().zip(&lines) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
    }
    texts
}

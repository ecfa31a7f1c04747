//! A comparison rule, checked and ready to use.

use regex_lite::Regex;

/// How one output of two results is compared.
#[derive(Clone, Debug, Default)]
pub enum Rule {
    /// Every byte must be the same.
    #[default]
    Bytes,
    /// Lines must be the same, apart from their ends and from blanks before them.
    Text {
        /// A line in which one of these is found is left out.
        ignore_lines: Vec<Regex>,
    },
    /// Words must be the same, numbers within a tolerance.
    Numbers {
        /// The tolerance.
        tolerance: Tolerance,
        /// A line in which one of these is found is left out.
        ignore_lines: Vec<Regex>,
    },
    /// Not compared.
    Ignore,
}

/// How far two numbers a and b may be apart: |a − b| ≤ max(absolute, relative · max(|a|, |b|)).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// In the unit of the numbers; finite, ≥ 0.
    pub absolute: f64,
    /// Fraction of the larger magnitude; finite, ≥ 0.
    pub relative: f64,
}

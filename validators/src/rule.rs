//! Rules for one output, checked and ready to use.

use std::fmt;
use std::num::NonZeroU32;

use regex::bytes::{Regex, RegexSet};
use serde::{Deserialize, Serialize};

/// What is asked of one output: alone (`buoy-init`), and in two results (`buoy-compare`).
#[derive(Clone, Debug, Default)]
pub struct OutputRule {
    /// How the output of two results is compared.
    pub compare: Rule,
    /// What the output of each result must be like.
    pub check: Check,
}

/// How one output of two results is compared.
#[derive(Clone, Debug, Default)]
pub enum Rule {
    /// Every byte must be the same.
    #[default]
    Bytes,
    /// Lines must be the same, apart from their ends and from blanks before them.
    Text {
        /// A line in which one of these is found is left out.
        ignore_lines: RegexSet,
    },
    /// Words must be the same, numbers within a tolerance.
    Numbers(NumbersRule),
    /// CSV, TSV and the like: cells must be the same, numbers within a tolerance.
    Table(TableRule),
    /// JSON: values must be the same, numbers within a tolerance; the order of an object's keys does not count.
    Json(JsonRule),
    /// A binary array (npy, PGM, PPM): the same shape, elements within a tolerance.
    Array {
        /// The tolerance of each element.
        tolerance: Tolerance,
    },
    /// Not compared.
    Ignore,
}

/// How far two numbers a and b may be apart: |a − b| ≤ max(absolute, relative · max(|a|, |b|)), or so few
/// floating-point numbers that there are at most `ulps` steps from one to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// In the unit of the numbers; finite, ≥ 0.
    pub absolute: f64,
    /// Fraction of the larger magnitude; finite, ≥ 0.
    pub relative: f64,
    /// Steps between neighbouring floating-point numbers.
    pub ulps: u32,
}

/// What stands before the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecimalMark {
    /// A point; what a comma between digits means is not known.
    #[default]
    Unset,
    /// A point: commas separate numbers.
    Point,
    /// A comma.
    Comma,
}

impl DecimalMark {
    /// The byte.
    pub(crate) fn byte(self) -> u8 {
        if self == Self::Comma { b',' } else { b'.' }
    }
}

/// What an exception says about its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// Numbers there have a tolerance of their own.
    Within(Tolerance),
    /// What is there is not compared.
    Ignored,
}

/// A place with an allowance of its own. Where several fit, the first in the list counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception<P> {
    /// Where.
    pub place: P,
    /// What holds there.
    pub allowance: Allowance,
}

/// A place in a line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordPlace {
    /// The n-th word of a line, from 1, where blanks separate words.
    Column(u32),
    /// Numbers that follow this word in a line, up to the next word that is not a number.
    Key(String),
}

/// Rule `numbers`.
#[derive(Clone, Debug, Default)]
pub struct NumbersRule {
    /// The tolerance where no exception fits.
    pub tolerance: Tolerance,
    /// What stands before the fraction of a number.
    pub decimal: DecimalMark,
    /// Exceptions.
    pub at: Vec<Exception<WordPlace>>,
    /// A line in which one of these is found is left out.
    pub ignore_lines: RegexSet,
}

/// A column of a table, written as a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "invalid column, expected a column's number from 1, or its name")]
pub enum Column {
    /// By position, from 1.
    Number(NonZeroU32),
    /// By its name in the header.
    Name(String),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Number(number) => write!(f, "column {number}"),
            Column::Name(name) => write!(f, "column {name:?}"),
        }
    }
}

/// Rule `table`.
#[derive(Clone, Debug, Default)]
pub struct TableRule {
    /// Between cells.
    pub separator: u8,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Columns that identify a row; rows are in any order if there are some.
    pub keys: Vec<Column>,
    /// The tolerance where no exception fits.
    pub tolerance: Tolerance,
    /// What stands before the fraction of a number.
    pub decimal: DecimalMark,
    /// Exceptions.
    pub at: Vec<Exception<Column>>,
    /// A row in which one of these is found is left out.
    pub ignore_lines: RegexSet,
}

/// Rule `json`.
#[derive(Clone, Debug, Default)]
pub struct JsonRule {
    /// The tolerance where no exception fits.
    pub tolerance: Tolerance,
    /// Exceptions, at most [`JsonPath::MOST`].
    pub at: Vec<Exception<JsonPath>>,
}

/// Places in a JSON document, such as `/poses/*/score`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    /// From the top; `None` is any key or index.
    pub steps: Vec<Option<String>>,
}

impl JsonPath {
    /// Number of paths that one document is looked through for.
    pub const MOST: usize = 64;
    /// What is accepted, for messages.
    pub const FORM: &'static str =
        "keys and indexes from 0 with / before each, * for any of them: \"/poses/*/score\"";

    /// Reads a path; `None` if it is none. `~1` stands for `/`, `~0` for `~`, as in RFC 6901.
    pub fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/');
        let step = |step: &str| (step != "*").then(|| step.replace("~1", "/").replace("~0", "~"));
        Some(Self { steps: steps.map(step).collect() })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| write!(f, "/{}", step.as_deref().unwrap_or("*")))
    }
}

/// What the output of each result must be like.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// Smallest size, in bytes.
    pub min_bytes: Option<u64>,
    /// Largest size, in bytes.
    pub max_bytes: Option<u64>,
    /// Each must be found in some line.
    pub must_match: Vec<Regex>,
    /// None may be found in any line.
    pub must_not_match: Vec<Regex>,
    /// What stands before the fraction of a number in lines of text.
    pub decimal: DecimalMark,
    /// Numbers in lines of text.
    pub words: Vec<Range<WordPlace>>,
    /// Numbers of a table, with its form.
    pub cells: Option<(TableRule, Vec<Range<Column>>)>,
    /// Numbers of a JSON document.
    pub values: Vec<Range<JsonPath>>,
    /// Elements of an array.
    pub elements: Vec<Range<()>>,
}

/// Numbers at a place must be there and lie between two limits.
#[derive(Clone, Debug)]
pub struct Range<P> {
    /// Where.
    pub place: P,
    /// Only lines (rows of a table) in which this is found.
    pub lines: Option<Regex>,
    /// Smallest number accepted.
    pub min: Option<f64>,
    /// Largest number accepted.
    pub max: Option<f64>,
    /// Whether there may be no such number.
    pub optional: bool,
}

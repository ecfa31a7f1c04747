//! Mistakes in a rule that only its meaning shows, and where they are.

use boinc::toml_file::Step;
use thiserror::Error;

use crate::bounds::{MAX_LISTED_ERRORS, MOST_TEXT_BYTES, shortened};
use crate::pattern;

/// A mistake in `[validate]`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct SpecError {
    /// Where, for people: `validate.output "NAME".absolute`.
    pub place: String,
    /// Where, from the table that holds `validate`: for [`Document::locate`](boinc::toml_file::Document::locate).
    pub path: Vec<Step>,
    /// What is wrong.
    pub fault: SpecFault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecFault {
    /// A key that the rule does not know.
    #[error("has no effect with rule = \"{rule}\", it belongs to rule = {belongs_to}")]
    Option {
        /// The rule in force.
        rule: &'static str,
        /// The rules that take the key, quoted.
        belongs_to: String,
    },
    /// A tolerance that is negative or not finite.
    #[error("{found} is not a tolerance: a finite number that is not negative is accepted")]
    Tolerance {
        /// The number, as text.
        found: String,
    },
    /// A pattern that is no regular expression, or too large a one.
    #[error("invalid regular expression {pattern:?}: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
    /// A value that is not accepted.
    #[error("{found} is not accepted; accepted: {accepted}")]
    Value {
        /// What was found.
        found: String,
        /// What is accepted.
        accepted: String,
    },
    /// A place is not said, or said in more than one way.
    #[error("{found}, but with rule = \"{rule}\" {accepted}")]
    Location {
        /// What was found.
        found: &'static str,
        /// What is accepted.
        accepted: &'static str,
        /// The rule in force.
        rule: &'static str,
    },
    /// An entry that says nothing.
    #[error("missing: {accepted}")]
    Nothing {
        /// What is accepted.
        accepted: &'static str,
    },
    /// A text that is too long for a rule.
    #[error("it has {bytes} bytes, at most {MOST_TEXT_BYTES} are accepted")]
    Long {
        /// Its length.
        bytes: usize,
    },
    /// Mistakes that are not listed, because there are too many.
    #[error("{count} more errors")]
    Others {
        /// How many.
        count: usize,
    },
    /// Too many of something.
    #[error("{found} entries, at most {most} are accepted")]
    TooMany {
        /// Number found.
        found: usize,
        /// Number accepted.
        most: usize,
    },
    /// A rule for an output that the science app does not declare.
    #[error("unknown output {name:?}; outputs: {accepted}")]
    UnknownOutput {
        /// The name.
        name: String,
        /// The declared outputs.
        accepted: String,
    },
    /// Two rules for one output.
    #[error("output {name:?} has a rule already")]
    Twice {
        /// The name.
        name: String,
    },
}

/// The mistakes of a `[validate]`, and what is left for its patterns.
#[derive(Debug)]
pub(super) struct Errors {
    listed: Vec<SpecError>,
    count: usize,
    pub(super) patterns: pattern::Budget,
}

impl Errors {
    pub(super) fn new() -> Self {
        Self { listed: Vec::new(), count: 0, patterns: pattern::Budget::new() }
    }

    /// Number of mistakes so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn push(&mut self, error: SpecError) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED_ERRORS {
            self.listed.push(error);
        }
    }

    /// All of them, of which the last says how many are not listed.
    pub(super) fn into_list(mut self) -> Vec<SpecError> {
        if self.count > self.listed.len() {
            let count = self.count - self.listed.len();
            self.listed.push(Spot::validate().error(SpecFault::Others { count }));
        }
        self.listed
    }
}

/// The table or value that is being looked at.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    place: String,
    path: Vec<Step>,
}

impl Spot {
    pub(super) fn validate() -> Self {
        Self { place: "validate".to_owned(), path: vec![Step::Key("validate".to_owned())] }
    }

    pub(super) fn output(index: usize, name: &str) -> Self {
        let mut spot = Self::validate().item("output", index);
        spot.place = format!("validate.output {:?}", shortened(name));
        spot
    }

    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        Self { place: format!("{}.{key}", self.place), path }
    }

    /// Element `index` (from 0) of the array `key`; people count from 1.
    pub(super) fn item(&self, key: &str, index: usize) -> Self {
        let mut spot = self.key(key);
        spot.path.push(Step::Item(index));
        spot.place.push_str(&format!("[{}]", index + 1));
        spot
    }

    pub(super) fn error(&self, fault: SpecFault) -> SpecError {
        SpecError { place: self.place.clone(), path: self.path.clone(), fault }
    }
}

//! Mistakes in a rule that only its meaning shows, and where they are.

use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// One step of the way to a value in a TOML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, from 0.
    Item(usize),
}

/// A mistake in `[validate]`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct SpecError {
    /// Where, for people: `validate.output "NAME".absolute`.
    pub place: String,
    /// Where, from the table that holds `validate`: for [`locate`].
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
    #[error("{pattern:?} is no regular expression: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
    /// A value that is not accepted.
    #[error("{found} is not accepted, but {accepted}")]
    Value {
        /// What was found.
        found: String,
        /// What is accepted.
        accepted: String,
    },
    /// A place is not said, or said in more than one way.
    #[error("{found}, but with rule = \"{rule}\" {accepted}")]
    Place {
        /// What was found.
        found: &'static str,
        /// What is accepted.
        accepted: &'static str,
        /// The rule in force.
        rule: &'static str,
    },
    /// An entry that says nothing.
    #[error("says nothing: {accepted} is missing")]
    Nothing {
        /// What is accepted.
        accepted: &'static str,
    },
    /// Too many of something.
    #[error("{found} of them, at most {most} are accepted")]
    TooMany {
        /// Number found.
        found: usize,
        /// Number accepted.
        most: usize,
    },
    /// A rule for an output that the science app does not declare.
    #[error("there is no output {name:?}, the outputs are {accepted}")]
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
        spot.place = format!("validate.output {name:?}");
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

    pub(super) fn mistake(&self, fault: SpecFault) -> SpecError {
        SpecError { place: self.place.clone(), path: self.path.clone(), fault }
    }
}

/// The byte of a TOML text where the value at `path` begins, or the part of the path that is there.
pub fn locate(text: &str, path: &[Step]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut within: Option<&DeValue> = None;
    for (depth, step) in path.iter().enumerate() {
        let next = match (step, within) {
            (Step::Key(key), None) if depth == 0 => table.get_ref().get_key_value(key.as_str()),
            (Step::Key(key), Some(DeValue::Table(table))) => table.get_key_value(key.as_str()),
            (Step::Item(index), Some(DeValue::Array(array))) => {
                let Some(value) = array.get(*index) else { break };
                found = Some(value.span().start);
                within = Some(value.get_ref());
                continue;
            }
            _ => None,
        };
        let Some((key, value)) = next else { break };
        found = Some(key.span().start);
        within = Some(value.get_ref());
    }
    found
}

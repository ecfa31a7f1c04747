//! Rule `numbers`, ready to be applied: which tolerance counts where in a line.

use super::decimal::Number;
use super::limits::Limits;
use super::line::Line;
use super::scan::{Class, class};
use crate::rule::{Allowance, DecimalMark, NumbersRule, WordPlace};

/// Longest key, in bytes.
const MOST_KEY_BYTES: usize = 64;

/// Whether a word can be a key: a word of the rule `numbers` that is not a number.
pub fn is_key(word: &[u8]) -> bool {
    !word.is_empty()
        && word.len() <= MOST_KEY_BYTES
        && word.iter().all(|&b| class(b) == Class::Word)
        && Number::read(word).is_none_or(|(_, bytes)| bytes < word.len())
}

/// Tolerances by place.
#[derive(Debug)]
pub(super) struct LineTolerances {
    general: Limits,
    decimal: DecimalMark,
    places: Vec<(WordPlace, Option<Limits>)>,
    has_columns: bool,
}

/// What is allowed at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed<'a> {
    /// Numbers within these limits.
    Within(&'a Limits),
    /// Any number.
    AnyNumber,
    /// Any word up to the next blank.
    AnyWord,
}

impl LineTolerances {
    pub(super) fn new(rule: &NumbersRule) -> Self {
        let limits = |allowance| match allowance {
            Allowance::Within(tolerance) => Some(Limits::new(tolerance)),
            Allowance::Ignored => None,
        };
        let places: Vec<_> = rule.at.iter().map(|at| (at.place.clone(), limits(at.allowance))).collect();
        let has_columns = places.iter().any(|(place, _)| matches!(place, WordPlace::Column(_)));
        Self { general: Limits::new(rule.tolerance), decimal: rule.decimal, places, has_columns }
    }

    /// What stands before the fraction of a number.
    pub(super) fn decimal(&self) -> DecimalMark {
        self.decimal
    }

    /// Whether not all places are alike.
    pub(super) fn has_places(&self) -> bool {
        !self.places.is_empty()
    }

    /// Whether a column's number matters.
    pub(super) fn has_columns(&self) -> bool {
        self.has_columns
    }

    /// The limits of places without an exception.
    pub(super) fn general(&self) -> &Limits {
        &self.general
    }

    /// The number of the exception that a word is the key of.
    pub(super) fn key(&self, word: &[u8]) -> Option<usize> {
        let is_key = |place: &WordPlace| matches!(place, WordPlace::Key(key) if key.as_bytes() == word);
        self.places.iter().position(|(place, _)| is_key(place))
    }

    /// What is allowed at a place of a line.
    pub(super) fn allowed(&self, line: &Line) -> Allowed<'_> {
        for (i, (place, limits)) in self.places.iter().enumerate() {
            match (place, limits) {
                (WordPlace::Column(column), _) if u64::from(*column) != line.column() => {}
                (WordPlace::Key(_), _) if line.key != Some(i) => {}
                (_, Some(limits)) => return Allowed::Within(limits),
                (WordPlace::Column(_), None) => return Allowed::AnyWord,
                (WordPlace::Key(_), None) => return Allowed::AnyNumber,
            }
        }
        Allowed::Within(&self.general)
    }
}

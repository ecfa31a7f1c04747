//! Mistakes in a rule that only its meaning shows, and where they are.

use std::fmt;

use boinc::toml_file::Step;
use thiserror::Error;

use crate::bounds::{MAX_LISTED_ERRORS, shortened};
use crate::pattern;

/// A mistake in a route that only its meaning shows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct SpecError {
    /// Where, from the route's own table: for [`Document::locate`](boinc::toml_file::Document::locate).
    pub path: Vec<Step>,
    /// What is wrong, after its place for people: `validate.output "NAME".absolute`.
    pub text: String,
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
            self.listed.push(Spot::validate().error(format!("{count} more errors")));
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

    pub(super) fn error(&self, fault: String) -> SpecError {
        SpecError { path: self.path.clone(), text: format!("{}: {fault}", self.place) }
    }

    /// A value that is not accepted, as it is to be shown.
    pub(super) fn refusal(&self, found: impl fmt::Display, accepted: &str) -> SpecError {
        self.error(format!("{found} is not accepted; accepted: {accepted}"))
    }

    /// More entries than are accepted.
    pub(super) fn too_many(&self, found: usize, most: usize) -> SpecError {
        self.error(format!("{found} entries, at most {most} are accepted"))
    }
}

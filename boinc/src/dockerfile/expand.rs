//! Replaces variables in words, within bounds: `ENV A=$A$A` in every line would otherwise double a value each time.

use std::collections::BTreeMap;

use super::MAX_BYTES;
use super::word::{Modifier, Piece, Word};

/// Longest value, in bytes.
const MAX_VALUE: usize = 64 * 1024;

/// Bytes that all words of one stage may expand to.
const MAX_TOTAL: usize = 16 << 20;

/// What is known about a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup<'a> {
    Set(&'a str),
    Unset,
    /// It depends on a base image or a platform that is not known yet.
    Unknown,
}

/// Variables, and what their values may still grow to.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    /// `None`: set, to a value that is not known.
    values: BTreeMap<String, Option<String>>,
    /// Whether a name that is not among `values` is unset; otherwise it is not known.
    complete: bool,
}

impl Variables {
    pub fn new(complete: bool) -> Self {
        Self { values: BTreeMap::new(), complete }
    }

    pub fn set(&mut self, name: &str, value: Option<String>) {
        self.values.insert(name.to_owned(), value);
    }

    pub fn get(&self, name: &str) -> Lookup<'_> {
        match self.values.get(name) {
            Some(Some(value)) => Lookup::Set(value),
            Some(None) => Lookup::Unknown,
            None if self.complete => Lookup::Unset,
            None => Lookup::Unknown,
        }
    }
}

/// Why a word is not expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLong {
    /// More than this many bytes.
    Value(usize),
    Total,
}

impl TooLong {
    pub fn found(self) -> String {
        match self {
            Self::Value(max) => format!("a value of more than {} KiB", max >> 10),
            Self::Total => format!("values of more than {} MiB in one stage", MAX_TOTAL >> 20),
        }
    }
}

struct Output {
    text: String,
    max: usize,
}

/// Counts what is expanded.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget {
    used: usize,
}

impl Budget {
    /// The word with its variables replaced; `None` if that depends on what is not known yet.
    pub fn expand(&mut self, word: &Word, variables: &Variables) -> Result<Option<String>, TooLong> {
        self.expand_up_to(word, variables, MAX_VALUE)
    }

    /// The same for the text of a here-document, which may be as long as a Dockerfile.
    pub fn expand_text(&mut self, word: &Word, variables: &Variables) -> Result<Option<String>, TooLong> {
        self.expand_up_to(word, variables, MAX_BYTES)
    }

    fn expand_up_to(
        &mut self,
        word: &Word,
        variables: &Variables,
        max: usize,
    ) -> Result<Option<String>, TooLong> {
        let mut output = Output { text: String::new(), max };
        let known = self.append(&mut output, &word.pieces, variables)?;
        Ok(known.then_some(output.text))
    }

    fn append(
        &mut self,
        output: &mut Output,
        pieces: &[Piece],
        variables: &Variables,
    ) -> Result<bool, TooLong> {
        let mut known = true;
        for piece in pieces {
            known &= match piece {
                Piece::Text(piece) => self.push(output, piece)?,
                Piece::Variable { name, modifier } => {
                    let value = variables.get(name);
                    match (modifier, value) {
                        (_, Lookup::Unknown) => false,
                        (None, Lookup::Set(value)) => self.push(output, value)?,
                        (None, Lookup::Unset) => true,
                        (Some((modifier, word)), value) => match (is_set(*modifier, value), modifier) {
                            (Some(value), Modifier::Default { .. }) => self.push(output, value)?,
                            (None, Modifier::Default { .. }) | (Some(_), Modifier::Alternative { .. }) => {
                                self.append(output, word, variables)?
                            }
                            (None, Modifier::Alternative { .. }) => true,
                        },
                    }
                }
            };
        }
        Ok(known)
    }

    fn push(&mut self, output: &mut Output, piece: &str) -> Result<bool, TooLong> {
        self.used = self.used.saturating_add(piece.len());
        if output.text.len() + piece.len() > output.max {
            return Err(TooLong::Value(output.max));
        }
        if self.used > MAX_TOTAL {
            return Err(TooLong::Total);
        }
        output.text.push_str(piece);
        Ok(true)
    }
}

/// The value, if the modifier takes the variable for set.
fn is_set(modifier: Modifier, value: Lookup<'_>) -> Option<&str> {
    let (Modifier::Default { empty_is_unset } | Modifier::Alternative { empty_is_unset }) = modifier;
    match value {
        Lookup::Set(value) if !(empty_is_unset && value.is_empty()) => Some(value),
        _ => None,
    }
}

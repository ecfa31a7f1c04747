//! TOML files that people write: every mistake is reported, each with its place, what was found and what is accepted.
//!
//! A [`Section`] reads a table key by key; a [`Document`] can also be read by serde, and what serde refuses is reported in
//! the same words.

mod section;

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics, Location};

pub use section::{Section, Text, TextOrMap};

/// Mistakes of one kind that are reported of a file: a hostile one could have a million.
const MOST_MISTAKES: usize = 50;

/// All mistakes in a file; never empty. Shown on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Diagnostic>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.0.iter().map(|mistake| mistake.to_string().replace("\n  ", "; ")).collect();
        f.write_str(&lines.join("; "))
    }
}

impl std::error::Error for ConfigErrors {}

/// A TOML file that is being read.
#[derive(Debug)]
pub struct Document<'a> {
    /// The file, for messages.
    pub file: &'a Path,
    /// Its text.
    pub text: &'a str,
    mistakes: RefCell<Diagnostics>,
}

impl<'a> Document<'a> {
    /// A file with this text.
    pub fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, mistakes: RefCell::default() }
    }

    /// Its top table; `None` if the text is not TOML, and then the mistakes are noted.
    pub fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let good = errors.is_empty();
        for error in errors.into_iter().take(MOST_MISTAKES) {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', "; ");
            self.note(Diagnostic::new(self.place(at), format!("not valid TOML: {message}")));
        }
        good.then_some(table)
    }

    /// The whole file as a type of serde's; `None` if it has mistakes, which are noted. serde stops at the first one: so the
    /// key that it refuses is taken out, and the rest is tried again.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Option<T> {
        if let Ok(value) = toml::from_str(self.text) {
            return Some(value);
        }
        let mut table = self.parse()?;
        let mut taken_out = Vec::new();
        for _ in 0..MOST_MISTAKES {
            let Err(error) = T::deserialize(toml::Deserializer::from(table.clone())) else { break };
            let span = error.span().unwrap_or_default();
            let entry = take_out(0, table.get_mut(), &span);
            let missing =
                error.message().strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            // A key that was taken out is not missing in the file.
            if missing.is_none_or(|missing| !taken_out.contains(&(span.start, missing.to_owned()))) {
                self.note(self.explain(error.message(), span, entry.as_ref().map(|(_, key)| key.as_str())));
            }
            match entry {
                Some(entry) => taken_out.push(entry),
                None => break,
            }
        }
        None
    }

    /// What serde says of the value of `key`, or of its name, in our words.
    fn explain(&self, message: &str, span: Range<usize>, key: Option<&str>) -> Diagnostic {
        let place = self.place(span.start);
        let written = self.written(span);
        let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let words: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        if let Some(missing) = found.strip_prefix("missing field ") {
            return Diagnostic::new(place, format!("{} is missing", missing.trim_matches('`')));
        }
        if let Some(unknown) = found.strip_prefix("unknown field ") {
            let unknown = unknown.trim_matches('`');
            return Diagnostic::new(place, format!("unknown key {unknown:?}"))
                .accepted_words(unknown, &words);
        }
        let found_value = format!("{} is {written}", key.unwrap_or("the file"));
        if let Some(unknown) = found.strip_prefix("unknown variant ") {
            return Diagnostic::new(place, found_value).accepted_words(unknown.trim_matches('`'), &words);
        }
        if expected.is_empty() {
            return Diagnostic::new(place, format!("{found_value}: {}", message.replace('\n', "; ")));
        }
        Diagnostic::new(place, found_value).accepted(expected)
    }

    /// A part of the text, for a message: on one line, cut if it is long.
    fn written(&self, span: Range<usize>) -> String {
        const MOST: usize = 60;
        let written = self.text.get(span).unwrap_or_default();
        let words: Vec<&str> = written.split_whitespace().take(MOST).collect();
        let line = words.join(" ");
        if line.chars().count() > MOST {
            line.chars().take(MOST - 3).chain("...".chars()).collect()
        } else {
            line
        }
    }

    /// The place of a byte of the text.
    pub fn place(&self, offset: usize) -> Location {
        Location::offset(self.file, self.text, offset)
    }

    /// The place of the value at `path`, or of the part of the path that exists.
    pub fn locate(&self, path: &[Step]) -> Option<Location> {
        let table = DeTable::parse(self.text).ok()?;
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
        found.map(|at| self.place(at))
    }

    /// Notes a mistake.
    pub fn note(&self, diagnostic: Diagnostic) {
        self.mistakes.borrow_mut().push(diagnostic);
    }

    /// How many mistakes were noted so far.
    pub fn mistakes(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Hands over the mistakes noted so far.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.mistakes.into_inner()
    }

    /// `value` if there is one and no mistake was noted.
    ///
    /// # Errors
    /// All mistakes, in the order of the file.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        self.into_diagnostics().into_result(value).map_err(ConfigErrors)
    }
}

/// Removes the entry whose key or value is at `span`, or the item of a list there, of the innermost table; returns where that
/// table starts, and the key.
fn take_out(start: usize, table: &mut DeTable<'_>, span: &Range<usize>) -> Option<(usize, String)> {
    for (key, value) in table.iter_mut() {
        let at = value.span().start;
        let found = match value.get_mut() {
            DeValue::Table(inner) => take_out(at, inner, span),
            DeValue::Array(list) => {
                take_item(list, span).map(|inner| inner.unwrap_or((start, key.get_ref().to_string())))
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    let (key, _) = table.iter().find(|(key, value)| key.span() == *span || value.span() == *span)?;
    let key = key.get_ref().to_string();
    table.remove(key.as_str());
    Some((start, key))
}

/// As [`take_out`]; `Some(None)`: an item of the list itself was removed.
fn take_item(list: &mut DeArray<'_>, span: &Range<usize>) -> Option<Option<(usize, String)>> {
    for item in list.iter_mut() {
        let at = item.span().start;
        if let DeValue::Table(table) = item.get_mut()
            && let Some(found) = take_out(at, table, span)
        {
            return Some(Some(found));
        }
    }
    let length = list.len();
    *list = std::mem::replace(list, DeArray::new()).into_iter().filter(|item| item.span() != *span).collect();
    (list.len() < length).then_some(None)
}

/// One step of the way to a value in a TOML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, from 0.
    Item(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(errors: ConfigErrors) -> Vec<String> {
        errors.0.iter().map(|mistake| mistake.to_string().replace("\n  ", "; ")).collect()
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        let doc = Document::new(Path::new("f.toml"), "a = 1\nb = \nc = 2\n");
        assert!(doc.parse().is_none());
        let message = doc.finish(Some(())).unwrap_err().to_string();
        assert!(message.starts_with("f.toml:2:") && message.contains(": not valid TOML: "), "{message}");
        assert!(!message.contains('\n'));
    }

    #[test]
    fn all_mistakes_are_reported_in_the_order_of_the_file() {
        let doc = Document::new(Path::new("f.toml"), "zeta = 1\nalpha = 'x'\n\nbeta = -3\n");
        let table = doc.parse().unwrap();
        let mut top = Section::new(&doc, "", table.get_ref(), 0);
        for key in ["beta", "alpha"] {
            top.whole(key, 1..=9);
        }
        top.finish();
        let expected = [
            "f.toml:1:1: unknown key \"zeta\"; accepted: beta, alpha; help: did you mean \"beta\"?",
            "f.toml:2:9: alpha is 'x' (string); accepted: a whole number from 1 to 9",
            "f.toml:4:8: beta is -3 (integer); accepted: a whole number from 1 to 9",
        ];
        assert_eq!(lines(doc.finish(Some(())).unwrap_err()), expected);
    }

    #[test]
    fn serde_reports_all_mistakes_too() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            size: u32,
            #[serde(default)]
            item: Vec<Item>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Item {
            name: String,
            kind: Kind,
        }
        #[derive(Debug, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Large,
            Small,
        }
        let read = |text: &str| {
            let doc = Document::new(Path::new("f.toml"), text);
            let file = doc.deserialize::<File>();
            doc.finish(file)
        };
        let file = read("size = 3\n[[item]]\nname = 'x'\nkind = 'large'\n").unwrap();
        let items: Vec<_> = file.item.iter().map(|item| (item.name.as_str(), &item.kind)).collect();
        assert_eq!((file.size, items), (3, vec![("x", &Kind::Large)]));
        let text = "siez = 1\nsize = 'x'\n[[item]]\nname = 3\nkind = 'smal'\n[[item]]\nkind = 'large'\n";
        let expected = [
            "f.toml:1:1: unknown key \"siez\"; accepted: size, item; help: did you mean \"size\"?",
            "f.toml:2:8: size is 'x'; accepted: u32",
            "f.toml:4:8: name is 3; accepted: a string",
            "f.toml:5:8: kind is 'smal'; accepted: large, small; help: did you mean \"small\"?",
            "f.toml:6:1: name is missing",
        ];
        assert_eq!(lines(read(text).unwrap_err()), expected);
    }
}

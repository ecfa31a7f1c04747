//! Reads a table of a TOML file key by key, and notes every mistake with its line: wrong types, unknown keys.

use std::cell::RefCell;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use wrapper::config::nearest;

use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// A TOML file that is being read.
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

    /// Its top table; `None` where the text is no TOML, and then the mistakes are noted.
    pub fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let good = errors.is_empty();
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', "; ");
            self.note(Diagnostic::new(self.place(at), format!("not valid TOML: {message}")));
        }
        good.then_some(table)
    }

    /// The place of a byte of the text.
    pub fn place(&self, offset: usize) -> Place {
        Place::offset(self.file, self.text, offset)
    }

    /// Notes a mistake.
    pub fn note(&self, diagnostic: Diagnostic) {
        self.mistakes.borrow_mut().push(diagnostic);
    }

    /// Hands over the mistakes noted so far.
    pub fn into_mistakes(self) -> Diagnostics {
        self.mistakes.into_inner()
    }
}

/// A table being read: ask for each key that may be there, then [`finish`](Self::finish).
pub struct Section<'d, 'a> {
    doc: &'d Document<'a>,
    /// As the submitter writes it: `image`, `input`; empty for the top.
    title: &'d str,
    table: &'d DeTable<'a>,
    start: usize,
    known: Vec<&'static str>,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub struct Text<'d> {
    /// The text.
    pub text: &'d str,
    /// Where it is.
    pub place: Place,
}

impl<'d, 'a> Section<'d, 'a> {
    /// A table that starts at byte `start`.
    pub fn new(doc: &'d Document<'a>, title: &'d str, table: &'d DeTable<'a>, start: usize) -> Self {
        Self { doc, title, table, start, known: Vec::new() }
    }

    /// Where the table is.
    pub fn place(&self) -> Place {
        self.doc.place(self.start)
    }

    /// The value of a key, of any type.
    pub fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<Text<'d>> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Text { text, place: self.doc.place(value.span().start) }),
            None => {
                self.wrong_type(key, value, "a string");
                None
            }
        }
    }

    /// true or false.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        if value.get_ref().as_bool().is_none() {
            self.wrong_type(key, value, "true or false");
        }
        value.get_ref().as_bool()
    }

    /// A whole number of at least 1.
    pub fn count(&mut self, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let count =
            value.get_ref().as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        match count {
            Some(count) if count >= 1 => Some(count),
            _ => {
                self.wrong_type(key, value, "a whole number, 1 or more");
                None
            }
        }
    }

    /// A number greater than 0.
    pub fn number(&mut self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        match as_number(value.get_ref()) {
            Some(number) if number.is_finite() && number > 0.0 => Some(number),
            _ => {
                self.wrong_type(key, value, "a number greater than 0");
                None
            }
        }
    }

    /// A list of strings.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<Text<'d>>> {
        let value = self.value(key)?;
        self.texts_in(key, value)
    }

    /// `value`, which belongs to `key`, as a list of strings.
    pub fn texts_in(&self, key: &str, value: &'d Spanned<DeValue<'a>>) -> Option<Vec<Text<'d>>> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(list.len());
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Text { text, place: self.doc.place(item.span().start) }),
                None => self.wrong_type(key, item, "a string"),
            }
        }
        Some(texts)
    }

    /// A table of strings with names of the submitter's own.
    pub fn text_map(&mut self, key: &'static str) -> Option<Vec<(Text<'d>, Text<'d>)>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table of strings");
            return None;
        };
        let mut map = Vec::with_capacity(table.len());
        for (name, value) in table {
            let name = Text { text: name.get_ref(), place: self.doc.place(name.span().start) };
            match value.get_ref().as_str() {
                Some(text) => map.push((name, Text { text, place: self.doc.place(value.span().start) })),
                None => self.wrong_type(name.text, value, "a string"),
            }
        }
        Some(map)
    }

    /// A table of its own.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'d, 'a>> {
        let value = self.value(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.doc, key, table, value.span().start)),
            None => {
                self.wrong_type(key, value, "a table");
                None
            }
        }
    }

    /// A list of tables (`[[key]]`).
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'d, 'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("a list of tables, each begun by [[{key}]]"));
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(list.len());
        for item in list {
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section::new(self.doc, key, table, item.span().start)),
                None => self.wrong_type(key, item, "a table"),
            }
        }
        sections
    }

    /// Notes that a key is missing.
    pub fn missing(&self, key: &str, accepted: &str) {
        let wher = if self.title.is_empty() { String::new() } else { format!(" in [{}]", self.title) };
        self.doc.note(Diagnostic::new(self.place(), format!("{key} is missing{wher}")).accepted(accepted));
    }

    /// Notes that the value of `key` is of another type than it should be.
    pub fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'a>>, accepted: &str) {
        let found = self.doc.text.get(value.span()).unwrap_or("").lines().next().unwrap_or("").trim();
        let kind = value.get_ref().type_str();
        let mut diagnostic =
            Diagnostic::new(self.doc.place(value.span().start), format!("{key} is {found} ({kind})"))
                .accepted(accepted);
        if accepted == "a string" && !found.is_empty() && matches!(kind, "integer" | "float" | "boolean") {
            diagnostic = diagnostic.help(format!("write {key} = \"{found}\""));
        }
        self.doc.note(diagnostic);
    }

    /// Notes every key that nobody asked for.
    pub fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let wher = if self.title.is_empty() { String::new() } else { format!(" in [{}]", self.title) };
            let place = self.doc.place(key.span().start);
            let mut diagnostic =
                Diagnostic::new(place, format!("unknown key {name:?}{wher}")).accepted(self.known.join(", "));
            if let Some(meant) = nearest(name, &self.known) {
                diagnostic = diagnostic.help(format!("did you mean {meant:?}?"));
            }
            self.doc.note(diagnostic);
        }
    }
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    if let Some(integer) = value.as_integer() {
        return i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64);
    }
    value.as_float().and_then(|float| float.as_str().parse().ok())
}

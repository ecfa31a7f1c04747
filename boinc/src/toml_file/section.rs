//! One table, read key by key.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Document;
use crate::diagnostic::{Diagnostic, Located, Location};

/// A table being read: ask for each key that may be there, then [`finish`](Self::finish).
pub struct Section<'d, 'a> {
    doc: &'d Document<'a>,
    /// As the author of the file writes it: `image`, `input`; empty for the top.
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
    pub place: Location,
}

/// One text for everything, or one for each name of the author's own.
#[derive(Debug, Clone)]
pub enum TextOrMap<'d> {
    /// `key = "text"`
    Text(Text<'d>),
    /// `key = { name = "text" }`
    Map(Vec<(Text<'d>, Text<'d>)>),
}

impl From<Text<'_>> for Located<String> {
    fn from(text: Text<'_>) -> Self {
        Self { value: text.text.to_owned(), place: text.place }
    }
}

impl<'d, 'a> Section<'d, 'a> {
    /// A table that starts at byte `start`.
    pub fn new(doc: &'d Document<'a>, title: &'d str, table: &'d DeTable<'a>, start: usize) -> Self {
        Self { doc, title, table, start, known: Vec::new() }
    }

    /// Where the table is.
    pub fn place(&self) -> Location {
        self.doc.place(self.start)
    }

    /// The value of a key, of any type.
    pub fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'a>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    /// The value of a key and where it starts, if it is of the type that `read` takes; else the mistake is noted.
    fn typed<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        read: impl FnOnce(&'d DeValue<'a>) -> Option<T>,
    ) -> Option<(T, usize)> {
        let value = self.value(key)?;
        let found = read(value.get_ref());
        if found.is_none() {
            self.wrong_type(key, value, accepted);
        }
        Some((found?, value.span().start))
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<Text<'d>> {
        let (text, start) = self.typed(key, "a string", DeValue::as_str)?;
        Some(Text { text, place: self.doc.place(start) })
    }

    /// true or false.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        Some(self.typed(key, "true or false", DeValue::as_bool)?.0)
    }

    /// A whole number of at least 1.
    pub fn count(&mut self, key: &'static str) -> Option<u32> {
        self.whole(key, 1..=u64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok())
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (bounds.start(), bounds.end());
        let accepted = if *most >= u64::from(u32::MAX) {
            format!("a whole number, {least} or more")
        } else {
            format!("a whole number from {least} to {most}")
        };
        let read = |value: &DeValue<'_>| {
            let number = value.as_integer()?;
            u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| bounds.contains(number))
        };
        Some(self.typed(key, &accepted, read)?.0)
    }

    /// A number greater than 0.
    pub fn number(&mut self, key: &'static str) -> Option<f64> {
        let read =
            |value: &DeValue<'_>| as_number(value).filter(|number| number.is_finite() && *number > 0.0);
        Some(self.typed(key, "a number greater than 0", read)?.0)
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

    /// A table of strings with names of the author's own.
    pub fn text_map(&mut self, key: &'static str) -> Option<Vec<(Text<'d>, Text<'d>)>> {
        let (table, _) = self.typed(key, "a table of strings", DeValue::as_table)?;
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

    /// A string, or a table of strings with names of the author's own.
    pub fn text_or_map(&mut self, key: &'static str) -> Option<TextOrMap<'d>> {
        if self.value(key)?.get_ref().is_table() {
            return self.text_map(key).map(TextOrMap::Map);
        }
        let (text, start) = self.typed(key, "a string, or a table of strings", DeValue::as_str)?;
        Some(TextOrMap::Text(Text { text, place: self.doc.place(start) }))
    }

    /// A text that `read` accepts, as what it makes of it.
    pub fn checked<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        accepted: &str,
    ) -> Option<T> {
        let value = read(self.text(key)?.text);
        if value.is_none() {
            self.refuse(key, accepted);
        }
        value
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A table of its own.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'d, 'a>> {
        let (table, start) = self.typed(key, "a table", DeValue::as_table)?;
        Some(Section::new(self.doc, key, table, start))
    }

    /// A list of tables (`[[key]]`).
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'d, 'a>> {
        let accepted = format!("a list of tables, each begun by [[{key}]]");
        let Some((list, _)) = self.typed(key, &accepted, DeValue::as_array) else { return Vec::new() };
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
        let found = format!("{key} is missing{}", self.within());
        self.doc.note(Diagnostic::new(self.place(), found).accepted(accepted));
    }

    fn within(&self) -> String {
        if self.title.is_empty() { String::new() } else { format!(" in [{}]", self.title) }
    }

    /// Notes that the value of `key` is not accepted.
    pub fn refuse(&self, key: &str, accepted: impl Into<String>) {
        let (place, found) = self.found(key);
        self.doc.note(Diagnostic::new(place, found).accepted(accepted));
    }

    /// Notes what is wrong with the value of `key`.
    pub fn fault(&self, key: &str, what: impl fmt::Display) {
        let (place, found) = self.found(key);
        self.doc.note(Diagnostic::new(place, format!("{found}: {what}")));
    }

    fn found(&self, key: &str) -> (Location, String) {
        let span = self.table.get(key).map_or(self.start..self.start, Spanned::span);
        (self.doc.place(span.start), format!("{key} is {}", self.doc.written(span)))
    }

    /// Notes that the value of `key` is of another type than it should be.
    pub fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'a>>, accepted: &str) {
        let found = self.doc.written(value.span());
        let kind = value.get_ref().type_str();
        let mut diagnostic =
            Diagnostic::new(self.doc.place(value.span().start), format!("{key} is {found} ({kind})"))
                .accepted(accepted);
        if accepted == "a string" && !found.is_empty() && matches!(kind, "integer" | "float" | "boolean") {
            diagnostic = diagnostic.help(format!("write {key} = \"{found}\""));
        }
        self.doc.note(diagnostic);
    }

    /// Reports every key that was not read.
    pub fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let found = format!("unknown key {name:?}{}", self.within());
            let place = self.doc.place(key.span().start);
            self.doc.note(Diagnostic::new(place, found).accepted_words(name, &self.known));
        }
    }
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    if let Some(integer) = value.as_integer() {
        return i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64);
    }
    value.as_float().and_then(|float| float.as_str().parse().ok())
}

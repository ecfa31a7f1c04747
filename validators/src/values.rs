//! Values taken from a result's outputs, for the table of results and for hooks.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::time::Instant;

use regex::bytes::Regex;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bounds::{MOST_TEXT_BYTES, shortened};
use crate::outputs;
use crate::pattern::{self, Budget};

/// So much of an output is looked through, in bytes.
const LOOKED_THROUGH: u64 = 64 << 20;

/// A JSON output larger than this is not read.
const JSON_BYTES: u64 = 16 << 20;

/// An object or array of JSON that is longer than this is no value.
const VALUE_JSON_BYTES: usize = 64 << 10;

/// Longer lines are looked at in pieces of this many bytes.
const LINE_BYTES: u64 = 64 << 10;

/// A value longer than this is cut, in bytes.
const VALUE_BYTES: usize = 1_000;

/// `[[assimilate.value]]`: a value from an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSpec {
    /// Name of the value: the table's column. `[a-z][a-z0-9_]*`, at most 40 bytes.
    pub name: String,
    /// Logical name of the output.
    pub output: String,
    /// A regular expression; the value is the first group, or all that matches, in the first line that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// A JSON pointer (RFC 6901), such as `/scores/0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Columns that the table has by itself.
pub(crate) const OWN_COLUMNS: [&str; 11] = [
    "workunit",
    "app",
    "hash",
    "batch",
    "job",
    "result",
    "status",
    "error_mask",
    "error",
    "received",
    "files",
];

impl ValueSpec {
    /// What is wrong with it, in words.
    pub(crate) fn errors(&self, patterns: &mut Budget) -> Vec<String> {
        let mut errors = Vec::new();
        let key = format!("assimilate.value {:?}", shortened(&self.name));
        let is_name = self.name.len() <= 40
            && self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name {
            errors.push(format!(
                "{key}: lower-case letters, digits and \"_\" are accepted, first a letter, at most 40 bytes"
            ));
        }
        if OWN_COLUMNS.contains(&self.name.as_str()) {
            errors.push(format!("{key}: the table has a column of this name already"));
        }
        match (&self.pattern, &self.path) {
            (Some(pattern), None) => {
                if let Err(reason) = patterns.compile(pattern) {
                    let pattern = shortened(pattern);
                    errors.push(format!("{key}: invalid regular expression {pattern:?}: {reason}"));
                }
            }
            (None, Some(path)) if path.len() > MOST_TEXT_BYTES => {
                let bytes = path.len();
                errors.push(format!("{key}: path: {bytes} bytes, at most {MOST_TEXT_BYTES} are accepted"));
            }
            (None, Some(path)) => {
                if !path.is_empty() && !path.starts_with('/') {
                    errors.push(format!("{key}: invalid JSON pointer {path:?}: expected a leading \"/\""));
                }
            }
            _ => errors.push(format!("{key}: exactly one of pattern and path is required")),
        }
        errors
    }

    /// The value in a file; `None` if it is not there.
    ///
    /// # Errors
    /// The file can't be read, or it was looked for until `deadline`. What a volunteer has put into it is no other error.
    pub fn read(&self, file: &Path, deadline: Instant) -> std::io::Result<Option<String>> {
        if Instant::now() > deadline {
            return Err(timed_out());
        }
        let (file, bytes) = outputs::open_regular(file)?;
        let found = match (&self.pattern, &self.path) {
            (Some(pattern), _) => match pattern::compile(pattern) {
                Ok(regex) => search(&regex, file, deadline)?,
                Err(_) => None,
            },
            (None, Some(path)) if bytes <= JSON_BYTES => {
                let mut text = Vec::new();
                file.take(JSON_BYTES).read_to_end(&mut text)?;
                pointed(&text, path)
            }
            _ => None,
        };
        Ok(found.map(|mut value| {
            value.truncate(value.floor_char_boundary(VALUE_BYTES));
            value
        }))
    }
}

fn search(regex: &Regex, file: File, deadline: Instant) -> std::io::Result<Option<String>> {
    let mut reader = BufReader::new(file.take(LOOKED_THROUGH));
    let mut line = Vec::new();
    loop {
        line.clear();
        if Instant::now() > deadline {
            return Err(timed_out());
        }
        if reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        if let Some(found) = regex.captures(&line[..end]) {
            let found = found.get(1).or(found.get(0)).map(|found| found.as_bytes());
            return Ok(found.map(|found| String::from_utf8_lossy(found).into_owned()));
        }
    }
}

fn timed_out() -> std::io::Error {
    std::io::Error::new(ErrorKind::TimedOut, "the values of this workunit take too long")
}

/// The value that a pointer leads to. Nothing else of the document is kept: one of many small values would take twenty
/// times its own size.
fn pointed(text: &[u8], path: &str) -> Option<String> {
    let steps: Vec<String> =
        path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let found = Pointer { steps: &steps }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    match found?.get() {
        "null" => None,
        raw if raw.starts_with('"') => serde_json::from_str(raw).ok(),
        raw if raw.starts_with(['{', '[']) => {
            // As the parser writes it, without blanks; it will be cut anyway.
            let value: serde_json::Value =
                (raw.len() <= VALUE_JSON_BYTES).then(|| serde_json::from_str(raw).ok())??;
            Some(value.to_string())
        }
        raw => serde_json::from_str::<serde_json::Value>(raw).ok().map(|value| value.to_string()),
    }
}

/// Where in a document a value is: what is left of the way.
#[derive(Clone, Copy)]
struct Pointer<'s> {
    steps: &'s [String],
}

impl<'de> DeserializeSeed<'de> for Pointer<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.steps.is_empty() {
            return Deserialize::deserialize(deserializer).map(Some);
        }
        // A number, a text or the like has nothing in it: an error, which ends the search.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pointer<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Some((step, steps)) = self.steps.split_first() else { return Ok(None) };
        let mut found = None;
        while let Some(key) = members.next_key::<Cow<str>>()? {
            if key == step.as_str() {
                found = members.next_value_seed(Pointer { steps })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let Some((step, steps)) = self.steps.split_first() else { return Ok(None) };
        let is_index = step == "0" || !step.starts_with(['0', '+']);
        let wanted = step.parse::<usize>().ok().filter(|_| is_index);
        let mut found = None;
        for index in 0.. {
            let is_there = if Some(index) == wanted {
                elements.next_element_seed(Pointer { steps })?.map(|value| found = value).is_some()
            } else {
                elements.next_element::<IgnoredAny>()?.is_some()
            };
            if !is_there {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(pattern: Option<&str>, path: Option<&str>, contents: &[u8]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("output");
        std::fs::write(&file, contents).unwrap();
        let spec = ValueSpec {
            name: "x".into(),
            output: "output".into(),
            pattern: pattern.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        assert_eq!(spec.errors(&mut Budget::new()), Vec::<String>::new());
        spec.read(&file, Instant::now() + std::time::Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn a_pattern_finds_the_first_line_that_has_it() {
        let text = b"REMARK x\r\nREMARK VINA RESULT:   -7.213  0.0\r\nREMARK VINA RESULT: -7.1\n";
        assert_eq!(value(Some(r"RESULT: +(\S+)"), None, text).as_deref(), Some("-7.213"));
        assert_eq!(value(Some("VINA"), None, text).as_deref(), Some("VINA"));
        assert_eq!(value(Some("absent"), None, text), None);
        assert_eq!(value(Some(r"0\.0$"), None, text).as_deref(), Some("0.0"));
    }

    #[test]
    fn a_pointer_finds_a_value_of_json() {
        let text = br#"{"scores": [{"e": -7.2130}, null], "name": "a b"}"#;
        assert_eq!(value(None, Some("/scores/0/e"), text).as_deref(), Some("-7.213"));
        assert_eq!(value(None, Some("/name"), text).as_deref(), Some("a b"));
        assert_eq!(value(None, Some("/scores/1"), text), None);
        assert_eq!(value(None, Some("/scores/7"), text), None);
    }

    #[test]
    fn whatever_an_output_holds_is_no_error() {
        let deep = "[".repeat(1_000_000);
        for contents in [deep.as_bytes(), b"\xff\xfe\0", b"", &[b'x'; 1 << 20]] {
            assert_eq!(value(None, Some("/a"), contents), None);
            value(Some("(y|\0)"), None, contents);
        }
        let long = value(Some("x+"), None, &[b'x'; 100_000]).unwrap();
        assert_eq!(long.len(), VALUE_BYTES);
    }

    #[test]
    fn a_pattern_that_takes_too_long_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("output");
        std::fs::write(&file, "a line\n".repeat(1_000)).unwrap();
        let spec =
            ValueSpec { name: "x".into(), output: "output".into(), pattern: Some("b$".into()), path: None };
        let error = spec.read(&file, Instant::now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn specs_that_make_no_sense_are_refused() {
        for (text, expected) in [
            ("name = 'A'\noutput = 'o'\npattern = 'x'", "first a letter"),
            ("name = 'batch'\noutput = 'o'\npattern = 'x'", "a column of this name"),
            ("name = 'a'\noutput = 'o'", "exactly one of"),
            ("name = 'a'\noutput = 'o'\npattern = '('", "invalid regular expression"),
            ("name = 'a'\noutput = 'o'\npath = 'x'", "invalid JSON pointer"),
        ] {
            let spec: ValueSpec = toml::from_str(text).unwrap();
            assert!(
                spec.errors(&mut Budget::new()).concat().contains(expected),
                "{text}: {:?}",
                spec.errors(&mut Budget::new())
            );
        }
    }
}

//! Reading small TOML files whose mistakes are all reported, each with file, line and key.

use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// The file is no TOML.
    #[error("{file}:{line}: not valid TOML: {message}")]
    Syntax {
        /// The file's name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the parser found.
        message: String,
    },
    /// A key that means nothing here.
    #[error("{file}:{line}: unknown key \"{key}\"{}", hint(nearest, known))]
    UnknownKey {
        /// The file's name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key as written.
        key: String,
        /// The known key that it is most like.
        nearest: Option<String>,
        /// All known keys.
        known: Vec<String>,
    },
    /// A value that is not accepted.
    #[error("{file}:{line}: {key} = {found}: {accepted}")]
    Value {
        /// The file's name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The value as written, cut where it is long.
        found: String,
        /// What is accepted instead.
        accepted: String,
    },
}

fn hint(nearest: &Option<String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean \"{nearest}\"?"),
        None => format!("; known keys are {}", known.join(", ")),
    }
}

/// All mistakes in a file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigFault>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A file being read: gathers faults, so that a reader can go on after one.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<ConfigFault>,
}

/// A value and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, faults: Vec::new() }
    }

    /// The document's top table; `None`, and a fault, if the text is no TOML.
    pub(crate) fn document(&mut self) -> Option<DeTable<'a>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table.into_inner()),
            Err(error) => {
                let line = self.line(error.span().unwrap_or_default());
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                self.faults.push(ConfigFault::Syntax { file: self.file.to_owned(), line, message });
                None
            }
        }
    }

    /// The entries of a table whose keys are known, in the order of the file; a fault for each other.
    pub(crate) fn entries<'t>(&mut self, table: &'t DeTable<'t>, known: &[&str]) -> Vec<Entry<'t>> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut found = Vec::new();
        for (key, value) in entries {
            let name: &'t str = key.get_ref();
            if known.contains(&name) {
                found.push(Entry { key: name, value });
            } else {
                let line = self.line(key.span());
                self.faults.push(ConfigFault::UnknownKey {
                    file: self.file.to_owned(),
                    line,
                    key: name.to_owned(),
                    nearest: nearest(name, known),
                    known: known.iter().map(|known| (*known).to_owned()).collect(),
                });
            }
        }
        found
    }

    /// Notes that the value of an entry is not accepted.
    pub(crate) fn refuse(&mut self, entry: Entry<'_>, accepted: impl Into<String>) {
        let span = entry.value.span();
        let mut found: String =
            self.text.get(span.clone()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        if found.chars().count() > 60 {
            found = found.chars().take(57).chain("...".chars()).collect();
        }
        self.faults.push(ConfigFault::Value {
            file: self.file.to_owned(),
            line: self.line(span),
            key: entry.key.to_owned(),
            found,
            accepted: accepted.into(),
        });
    }

    fn take<T>(&mut self, entry: Entry<'_>, value: Option<T>, accepted: &str) -> Option<T> {
        if value.is_none() {
            self.refuse(entry, accepted);
        }
        value
    }

    pub(crate) fn string(&mut self, entry: Entry<'_>) -> Option<String> {
        self.take(entry, entry.value.get_ref().as_str().map(str::to_owned), "a string is accepted")
    }

    pub(crate) fn boolean(&mut self, entry: Entry<'_>) -> Option<bool> {
        self.take(entry, entry.value.get_ref().as_bool(), "true or false is accepted")
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&mut self, entry: Entry<'_>, min: u64, max: u64) -> Option<u64> {
        let number = entry.value.get_ref().as_integer();
        let number = number.and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        let accepted = if max == u64::MAX || max == i64::MAX as u64 {
            format!("a whole number of at least {min} is accepted")
        } else {
            format!("a whole number from {min} to {max} is accepted")
        };
        self.take(entry, number.filter(|number| (min..=max).contains(number)), &accepted)
    }

    /// A positive number, whole or not.
    pub(crate) fn positive(&mut self, entry: Entry<'_>) -> Option<f64> {
        let value = entry.value.get_ref();
        let text = value.as_float().map(|float| float.as_str().to_owned()).or_else(|| {
            value
                .as_integer()
                .filter(|integer| integer.radix() == 10)
                .map(|integer| integer.as_str().to_owned())
        });
        let number = text.and_then(|text| text.parse::<f64>().ok());
        let number = number.filter(|number| number.is_finite() && *number > 0.0);
        self.take(entry, number, "a number above 0 is accepted")
    }

    pub(crate) fn strings(&mut self, entry: Entry<'_>) -> Option<Vec<String>> {
        let list = entry.value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        self.take(entry, list, "a list of strings is accepted")
    }

    /// A string or a list of strings; which of the two it was is told.
    pub(crate) fn string_or_list(&mut self, entry: Entry<'_>) -> Option<Result<String, Vec<String>>> {
        match entry.value.get_ref().as_str() {
            Some(text) => Some(Ok(text.to_owned())),
            None => self.strings(entry).map(Err),
        }
    }

    /// The tables of a list of tables.
    pub(crate) fn tables<'t>(&mut self, entry: Entry<'t>) -> Option<Vec<&'t DeTable<'t>>> {
        let list =
            entry.value.get_ref().as_array().and_then(|array| {
                array.iter().map(|item| item.get_ref().as_table()).collect::<Option<Vec<_>>>()
            });
        self.take(entry, list, "a list of tables is accepted")
    }

    /// The value if there were no faults, else all of them.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.faults.is_empty() { Ok(value) } else { Err(ConfigErrors(self.faults)) }
    }

    fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

impl<'a> Entry<'a> {
    /// The table that the value is, if it is one.
    pub(crate) fn table(&self) -> Option<&'a DeTable<'a>> {
        self.value.get_ref().as_table()
    }
}

/// The known key that a mistyped one most likely was: at most a third of its letters differ.
pub fn nearest(key: &str, known: &[&str]) -> Option<String> {
    let key = key.to_ascii_lowercase();
    known
        .iter()
        .map(|known| (distance(&key, known), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| (*known).to_owned())
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_meant() {
        let known = ["workdir", "mount", "portmap", "use_gpu"];
        let table = [
            ("wrokdir", Some("workdir")),
            ("work_dir", Some("workdir")),
            ("Workdir", Some("workdir")),
            ("mounts", Some("mount")),
            ("usegpu", Some("use_gpu")),
            ("entrypoint", None),
        ];
        for (key, expected) in table {
            assert_eq!(nearest(key, &known).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        let mut reader = Reader::new("f.toml", "a = 1\nb = \nc = 2\n");
        assert!(reader.document().is_none());
        let message = reader.finish(()).unwrap_err().to_string();
        assert!(message.starts_with("f.toml:2: not valid TOML: "), "{message}");
        assert!(!message.contains('\n'));
    }

    #[test]
    fn all_mistakes_are_reported_in_the_order_of_the_file() {
        let mut reader = Reader::new("f.toml", "zeta = 1\nalpha = 'x'\n\nbeta = -3\n");
        let table = reader.document().unwrap();
        for entry in reader.entries(&table, &["alpha", "beta"]) {
            reader.integer(entry, 1, 9);
        }
        let message = reader.finish(()).unwrap_err().to_string();
        assert_eq!(
            message,
            "f.toml:1: unknown key \"zeta\"; did you mean \"beta\"?; \
             f.toml:2: alpha = 'x': a whole number from 1 to 9 is accepted; \
             f.toml:4: beta = -3: a whole number from 1 to 9 is accepted"
        );
    }
}

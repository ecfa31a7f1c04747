//! A mistake in a file that a person wrote: where it is, what was found, what is accepted, what to do.
//!
//! Everything that reads such files collects these instead of stopping at the first one.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::spelling::{listed_near, nearest};
use crate::visible::visible;

/// Where a mistake is: a file, and the line and column in it where they are known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file (or directory) as the submitter would name it; `None` for something typed on the command line.
    pub file: Option<PathBuf>,
    /// Line in it, counted from 1.
    pub line: Option<u32>,
    /// Column in that line, counted in characters from 1.
    pub column: Option<u32>,
}

impl Location {
    /// A whole file or directory.
    pub fn file(file: &Path) -> Self {
        Self { file: Some(file.to_path_buf()), line: None, column: None }
    }

    /// A line of a file, counted from 1.
    pub fn line(file: &Path, line: u32) -> Self {
        Self { file: Some(file.to_path_buf()), line: Some(line), column: None }
    }

    /// The byte at `offset` of `text`, which is the content of `file`.
    pub fn offset(file: &Path, text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        // Columns count characters: bytes that continue a UTF-8 sequence do not start one.
        let column = before[start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        Self {
            file: Some(file.to_path_buf()),
            line: Some(u32::try_from(line).unwrap_or(u32::MAX)),
            column: Some(u32::try_from(column).unwrap_or(u32::MAX)),
        }
    }

    /// Something typed on the command line.
    pub fn command_line() -> Self {
        Self { file: None, line: None, column: None }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}", file.display())?,
            None => f.write_str("command line")?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub place: Location,
}

/// One mistake. Its `Display` is what the submitter reads, without colour, one to three lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub place: Location,
    /// What was found: one line, lower case, no period.
    pub found: String,
    /// What would be accepted there.
    pub accepted: Option<String>,
    /// What to do about it, where that is not plain from `accepted`.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn new(place: Location, found: impl Into<String>) -> Self {
        Self { place, found: found.into(), accepted: None, help: None }
    }

    /// Adds what would be accepted.
    #[must_use]
    pub fn accepted(mut self, accepted: impl Into<String>) -> Self {
        self.accepted = Some(accepted.into());
        self
    }

    /// Adds the words that would be accepted in place of `written`, and the one that was probably meant.
    #[must_use]
    pub fn accepted_words(self, written: &str, words: &[&str]) -> Self {
        let diagnostic = self.accepted(listed_near(written, words));
        match nearest(written, words) {
            Some(meant) => diagnostic.help(format!("did you mean {meant:?}?")),
            None => diagnostic,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each part can quote a file; none of them can start a line of its own.
        write!(f, "{}: {}", visible(&self.place.to_string()), visible(&self.found))?;
        if let Some(accepted) = &self.accepted {
            write!(f, "\n  accepted: {}", visible(accepted))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {}", visible(help))?;
        }
        Ok(())
    }
}

/// All mistakes of one load, in the order in which a reader would meet them.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Notes all of another list.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many mistakes were noted so far.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// `value` if nothing was wrong, else the mistakes: by file in the order in which the files were first
    /// complained about, and by line within a file.
    ///
    /// # Errors
    /// The mistakes.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(self.sorted()),
        }
    }

    fn sorted(self) -> Vec<Diagnostic> {
        let mut files: Vec<Option<PathBuf>> = Vec::new();
        for diagnostic in &self.list {
            if !files.contains(&diagnostic.place.file) {
                files.push(diagnostic.place.file.clone());
            }
        }
        let mut list = self.list;
        list.sort_by_key(|d| {
            let file = files.iter().position(|file| *file == d.place.file);
            (file, d.place.line, d.place.column)
        });
        list
    }
}

//! Rows of a table, one at a time.

use std::io::{self, Read, Seek};

use regex::bytes::RegexSet;

use super::source::{Halt, Source};
use crate::rule::TableRule;

/// Longest row, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Most cells of a row.
const MOST_CELLS: usize = 1 << 14;

/// A row: its cells without quotes and without blanks around them.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: Vec<u8>,
    ends: Vec<u32>,
    /// The row as it stands in the file; empty if nobody needs it.
    raw: Vec<u8>,
    line: u64,
}

impl Row {
    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Cell `i`, from 0.
    pub(super) fn cell(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        self.text[start..self.ends[i] as usize].trim_ascii()
    }

    /// The line that the row begins in, from 1; 0 if it is not known.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The row as it stands in the file, if that was asked for.
    pub(super) fn raw(&self) -> &[u8] {
        self.raw.trim_ascii_end()
    }

    fn end_cell(&mut self) -> Result<(), Halt> {
        if self.ends.len() == MOST_CELLS {
            return Err(self.too_long("cells", MOST_CELLS));
        }
        self.ends.push(self.text.len() as u32);
        Ok(())
    }

    fn too_long(&self, what: &str, most: usize) -> Halt {
        Halt::Different(format!("line {}: the row has more than {most} {what}", self.line))
    }
}

/// A table that is being read.
pub(super) struct Rows<R> {
    source: Source<R>,
    separator: u8,
    ignore: RegexSet,
    keeps_raw: bool,
    line: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    AfterQuote,
}

impl<R: Read + Seek> Rows<R> {
    /// Starts at the beginning of a file, behind a byte order mark.
    pub(super) fn new(rule: &TableRule, reader: R) -> io::Result<Self> {
        let mut source = Source::new(reader)?;
        if source.view()?.starts_with(b"\xef\xbb\xbf") {
            source.advance(3);
        }
        let keeps_raw = !rule.ignore_lines.is_empty();
        Ok(Self { source, separator: rule.separator, ignore: rule.ignore_lines.clone(), keeps_raw, line: 1 })
    }

    /// Keeps each row as it stands in the file, too.
    pub(super) fn with_raw(mut self) -> Self {
        self.keeps_raw = true;
        self
    }

    /// Where the next row begins: byte and line.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.source.place(), self.line)
    }

    /// Goes to where a row begins; line 0 stands for one that is not known.
    pub(super) fn go_to(&mut self, (place, line): (u64, u64)) -> io::Result<()> {
        self.line = line;
        self.source.go_to(place)
    }

    /// Reads the next row that is not empty and not left out; whether there is one.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Halt> {
        while self.read(row)? {
            let is_empty = row.len() == 1 && row.cell(0).is_empty();
            let is_left_out = self.keeps_raw && self.ignore.is_match(row.raw());
            if !is_empty && !is_left_out {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Halt> {
        row.text.clear();
        row.ends.clear();
        row.raw.clear();
        row.line = self.line;
        let knows_line = self.line > 0;
        let mut state = State::CellStart;
        loop {
            let view = self.source.view()?;
            if view.is_empty() {
                return match state {
                    State::Quoted => {
                        Err(Halt::Different(format!("line {}: a quote is not closed", row.line)))
                    }
                    State::CellStart if row.ends.is_empty() => Ok(false),
                    _ => row.end_cell().map(|()| true),
                };
            }
            let mut length = view.len();
            let mut is_over = false;
            for (i, &b) in view.iter().enumerate() {
                match state {
                    State::Quoted if b == b'"' => state = State::AfterQuote,
                    State::Quoted => {
                        self.line += u64::from(b == b'\n' && knows_line);
                        row.text.push(b);
                    }
                    State::AfterQuote if b == b'"' => {
                        row.text.push(b);
                        state = State::Quoted;
                    }
                    State::CellStart if b == b'"' => state = State::Quoted,
                    _ if b == self.separator => {
                        row.end_cell()?;
                        state = State::CellStart;
                    }
                    _ if b == b'\n' => {
                        self.line += u64::from(knows_line);
                        row.end_cell()?;
                        (length, is_over) = (i + 1, true);
                        break;
                    }
                    _ => {
                        row.text.push(b);
                        state = State::Plain;
                    }
                }
                if row.text.len() > MOST_BYTES {
                    return Err(row.too_long("bytes", MOST_BYTES));
                }
            }
            if self.keeps_raw {
                row.raw.extend_from_slice(&view[..length]);
            }
            self.source.advance(length);
            if row.raw.len() > 2 * MOST_BYTES {
                return Err(row.too_long("bytes", MOST_BYTES));
            }
            if is_over {
                return Ok(true);
            }
        }
    }
}

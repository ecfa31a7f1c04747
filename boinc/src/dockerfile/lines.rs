//! From bytes to logical lines: which characters are accepted, directives, comments, continuation, and the bodies of
//! here-documents.

use super::blank::is_blank;
use super::fault::{Fault, Faults, Position, excerpt};
use super::here_document::HereDocument;
use super::instruction::Origin;

/// Directives at the top of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directives {
    /// `\` or `` ` ``.
    pub escape: char,
    /// Where a `# syntax=` is.
    pub syntax: Option<Position>,
}

/// An instruction with its continuation lines joined.
pub(super) struct LogicalLine {
    /// Without the white space at its ends.
    pub text: String,
    pub origin: Origin,
}

/// The lines of a file whose characters are all accepted.
pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
    escape: char,
}

/// The text, if it is UTF-8 without control characters other than tab, LF and CRLF.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, Faults> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("");
            let line = good.bytes().filter(|&b| b == b'\n').count() + 1;
            let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            let found = format!("the byte 0x{:02x} is not UTF-8", bytes[error.valid_up_to()]);
            return Err(Fault::new(position(line, column), found).accepted("a text in UTF-8").into());
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut faults = Faults::default();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        for (column, c) in line.chars().enumerate() {
            if c.is_control() && c != '\t' {
                let found = format!("the control character U+{:04X}", u32::from(c));
                let fault = Fault::new(position(index + 1, column + 1), found);
                faults.push(fault.accepted("space and tab, and LF or CRLF at line ends"));
            }
        }
    }
    faults.or(text)
}

fn position(line: usize, column: usize) -> Position {
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(line), column: number(column) }
}

impl<'a> Lines<'a> {
    /// Reads the directives, which are the first lines of the file.
    pub fn new(text: &'a str, faults: &mut Faults) -> (Self, Directives) {
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let mut this = Self { lines, next: 0, escape: '\\' };
        let mut directives = Directives { escape: '\\', syntax: None };
        let mut seen: Vec<String> = Vec::new();
        while let Some(line) = this.lines.get(this.next) {
            // White space before `#` makes a comment of it for some readers, not for others.
            let Some((name, value)) = line.strip_prefix('#').and_then(directive) else { break };
            let at = position(this.next + 1, 1);
            if seen.contains(&name) {
                faults.push(Fault::new(at, format!("a second {name} directive")));
            }
            match name.as_str() {
                "escape" if matches!(value, "\\" | "`") => {
                    directives.escape = if value == "`" { '`' } else { '\\' };
                }
                "escape" => {
                    let found = format!("the directive {}", excerpt(line));
                    faults.push(Fault::new(at, found).accepted("one # escape=\\ or # escape=`"));
                }
                "syntax" => directives.syntax = Some(at),
                "check" => {}
                _ => break,
            }
            seen.push(name);
            this.next += 1;
        }
        this.escape = directives.escape;
        (this, directives)
    }

    /// The next instruction.
    pub fn instruction(&mut self, faults: &mut Faults) -> Option<LogicalLine> {
        let (first, start) = loop {
            let line = *self.lines.get(self.next)?;
            let body = line.trim_start_matches(is_blank);
            self.next += 1;
            if body.starts_with('#') {
                self.comment(body, faults);
            } else if !body.is_empty() {
                break (body, line.len() - body.len());
            }
        };
        let mut logical = LogicalLine { text: String::new(), origin: Origin::default() };
        let mut open = self.add(&mut logical, first, start, faults);
        if open && !logical.text.contains(is_blank) {
            let found = "the line ends in or next to the name of an instruction";
            let fault = Fault::new(logical.origin.position(&logical.text, 0), found);
            faults.push(fault.accepted("the name and a space on one line"));
        }
        while open && let Some(line) = self.lines.get(self.next) {
            self.next += 1;
            let body = line.trim_start_matches(is_blank);
            if body.starts_with('#') {
                self.comment(body, faults);
            } else if !body.is_empty() {
                open = self.add(&mut logical, line, 0, faults);
            }
        }
        let end = logical.text.trim_end_matches(is_blank).len();
        logical.text.truncate(end);
        Some(logical)
    }

    /// Adds a physical line; whether the next one continues it.
    fn add(&self, logical: &mut LogicalLine, body: &str, start: usize, faults: &mut Faults) -> bool {
        // Only blanks are before the start, so that bytes are characters.
        let at = position(self.next, start + 1);
        let odd = body.char_indices().find(|&(_, c)| c == '\u{feff}' || (c.is_whitespace() && !is_blank(c)));
        if let Some((offset, c)) = odd {
            let found = format!("the white space character U+{:04X}", u32::from(c));
            let at = position(self.next, start + 1 + body[..offset].chars().count());
            faults.push(Fault::new(at, found).accepted("space and tab"));
        }
        let trimmed = body.trim_end_matches(is_blank);
        let continued = trimmed.strip_suffix(self.escape).filter(|rest| !rest.ends_with(self.escape));
        logical.origin.add(logical.text.len(), at);
        logical.text.push_str(continued.unwrap_or(body));
        continued.is_some()
    }

    /// A comment that looks like an escape directive is in an odd place: readers differ in whether it counts.
    fn comment(&self, comment: &str, faults: &mut Faults) {
        if directive(&comment[1..]).is_some_and(|(name, _)| name == "escape") {
            let fault =
                Fault::new(position(self.next, 1), "an escape directive that is not at the top of the file");
            faults.push(fault.accepted("# escape=\\ or # escape=` before anything else"));
        }
    }

    /// The body of a here-document, LF at line ends, and the number of its first line.
    pub fn body(
        &mut self,
        document: &HereDocument,
        at: impl FnOnce() -> Position,
    ) -> Result<(String, u32), Fault> {
        let first = position(self.next + 1, 1).line;
        let mut body = String::new();
        let end = self.lines[self.next..].iter().position(|line| {
            let line = if document.strips_tabs { line.trim_start_matches('\t') } else { line };
            line == document.name
        });
        let Some(end) = end else {
            let found = format!("the here-document {:?} does not end", document.name);
            let help = format!("write {:?} alone on a line, without spaces around it", document.name);
            // What follows could be text or instructions: nothing of it is judged.
            self.next = self.lines.len();
            return Err(Fault::new(at(), found).help(help));
        };
        for line in &self.lines[self.next..self.next + end] {
            body.push_str(line);
            body.push('\n');
        }
        self.next += end + 1;
        Ok((body, first))
    }
}

/// `NAME=VALUE` after the `#` of a comment, the name in lower case.
fn directive(comment: &str) -> Option<(String, &str)> {
    let (name, value) = comment.split_once('=')?;
    let name = name.trim_matches(is_blank);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then(|| (name.to_ascii_lowercase(), value.trim_matches(is_blank)))
}

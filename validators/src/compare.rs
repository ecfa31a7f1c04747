//! Built-in rules for one output: streamed, symmetric, in bounded memory.

/// Leaves a function with the difference that was found, said as `format!` does.
macro_rules! differ {
    ($($text:tt)+) => {
        return Err(Halt::Different(format!($($text)+)))
    };
}

mod array;
mod bytes;
mod cell;
mod check;
mod columns;
mod commas;
mod decimal;
mod exact;
mod json;
mod limits;
mod line;
mod line_tolerances;
mod lines;
mod numbers;
mod pass;
mod rows;
mod scan;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::io::{self, Read, Seek};

use crate::rule::Rule;
use line_tolerances::LineTolerances;
use source::Halt;
use window::Window;

pub use bytes::compare as bytes;
pub use check::check;
pub use commas::decimal_comma;
pub use line_tolerances::is_key;

/// Whether two outputs agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They agree.
    Same,
    /// They do not: where and by how much, in one line.
    Different(String),
}

/// Bytes of each file that are kept in memory.
const WINDOW_BYTES: usize = 1 << 20;

/// Compares two outputs by a rule, from their beginning.
///
/// The answer, though not its wording, is the same when `a` and `b` are exchanged; equal files agree, whatever is in
/// them. Whatever the contents, memory stays within a few megabytes. Errors are those of reading.
pub fn compare<A: Read + Seek, B: Read + Seek>(rule: &Rule, mut a: A, mut b: B) -> io::Result<Outcome> {
    if matches!(rule, Rule::Table(_) | Rule::Json(_) | Rule::Array { .. }) {
        if bytes::compare(&mut a, &mut b)? == Outcome::Same {
            return Ok(Outcome::Same);
        }
        return structured(rule, a, b);
    }
    in_windows(rule, a, b, WINDOW_BYTES)
}

/// Rules that go from place to place in a file.
fn structured<A: Read + Seek, B: Read + Seek>(rule: &Rule, a: A, b: B) -> io::Result<Outcome> {
    let compared = match rule {
        Rule::Table(rule) => table::compare(rule, a, b),
        Rule::Json(rule) => json::compare(rule, a, b),
        Rule::Array { tolerance } => array::compare(*tolerance, a, b),
        Rule::Bytes | Rule::Text { .. } | Rule::Numbers(_) | Rule::Ignore => Ok(()),
    };
    match compared {
        Ok(()) => Ok(Outcome::Same),
        Err(Halt::Different(how)) => Ok(Outcome::Different(how)),
        Err(Halt::Io(error)) => Err(error),
    }
}

/// Rules that read both files once, from the beginning to the end.
fn in_windows<A: Read, B: Read>(rule: &Rule, a: A, b: B, window_bytes: usize) -> io::Result<Outcome> {
    let windows = |a, b| (Window::new(a, window_bytes), Window::new(b, window_bytes));
    match rule {
        Rule::Bytes => bytes::compare(a, b),
        Rule::Text { ignore_lines } => {
            let (mut a, mut b) = windows(a, b);
            lines::compare(&mut a, &mut b, ignore_lines, text::compare_line)
        }
        Rule::Numbers(rule) => {
            let tolerances = LineTolerances::new(rule);
            let may_go_on = rule.ignore_lines.is_empty();
            let (mut a, mut b) = windows(a, b);
            lines::compare(&mut a, &mut b, &rule.ignore_lines, |a, b| {
                numbers::compare_line(a, b, &tolerances, may_go_on)
            })
        }
        Rule::Ignore | Rule::Table(_) | Rule::Json(_) | Rule::Array { .. } => Ok(Outcome::Same),
    }
}

/// The start of a text that may hold anything, for a message: quoted, escaped, cut.
fn excerpt(text: &[u8]) -> String {
    const SHOWN: usize = 40;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    if line.is_empty() {
        return "the line's end".to_owned();
    }
    let cut = if line.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{cut}", line[..line.len().min(SHOWN)].escape_ascii())
}

/// Three significant digits, written without an exponent where that is short.
fn brief(value: f64) -> String {
    let rounded = format!("{value:.2e}").parse().unwrap_or(value);
    if rounded == 0.0 || (1e-6..1e9).contains(&rounded) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

//! Built-in comparisons of one output of two results: streamed, symmetric, in bounded memory.

mod bytes;
mod decimal;
mod lines;
mod numbers;
mod plain;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::io::{self, Read};

use crate::rule::Rule;
use window::Window;

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

/// Compares two outputs by a rule.
///
/// The answer, though not its wording, is the same when `a` and `b` are exchanged. Whatever the contents,
/// memory stays within a few megabytes. Errors are those of reading.
pub fn compare(rule: &Rule, a: impl Read, b: impl Read) -> io::Result<Outcome> {
    compare_in_windows(rule, Window::new(a, WINDOW_BYTES), Window::new(b, WINDOW_BYTES))
}

fn compare_in_windows<A: Read, B: Read>(
    rule: &Rule,
    mut a: Window<A>,
    mut b: Window<B>,
) -> io::Result<Outcome> {
    match rule {
        Rule::Ignore => Ok(Outcome::Same),
        Rule::Bytes => bytes::compare(&mut a, &mut b),
        Rule::Text { ignore_lines } => lines::compare(&mut a, &mut b, ignore_lines, text::compare_line),
        Rule::Numbers { tolerance, ignore_lines } => {
            let limits = decimal::Limits::new(*tolerance);
            lines::compare(&mut a, &mut b, ignore_lines, |a, b| numbers::compare_line(a, b, &limits))
        }
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

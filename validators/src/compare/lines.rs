//! What the rules for texts share: lines that are equal or left out are passed over in bulk.

use std::io::{self, Read};

use regex_lite::Regex;

use super::Outcome;
use super::window::{Window, common_prefix};

/// Compares line by line with `compare_line`, which is called at the start of two lines that differ in bytes;
/// it passes over both, or says how they differ (without the line's number).
pub(super) fn compare<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    ignore_lines: &[Regex],
    mut compare_line: impl FnMut(&mut Window<A>, &mut Window<B>) -> io::Result<Outcome>,
) -> io::Result<Outcome> {
    loop {
        skip_equal_lines(a, b)?;
        skip_ignored_lines(a, ignore_lines)?;
        skip_ignored_lines(b, ignore_lines)?;
        let (line_a, line_b) = (a.line(), b.line());
        match (a.is_over()?, b.is_over()?) {
            (true, true) => return Ok(Outcome::Same),
            (true, false) => {
                return Ok(Outcome::Different(format!("line {line_b}: only the second result has it")));
            }
            (false, true) => {
                return Ok(Outcome::Different(format!("line {line_a}: only the first result has it")));
            }
            (false, false) => {}
        }
        if let Outcome::Different(how) = compare_line(a, b)? {
            let other =
                if line_a == line_b { String::new() } else { format!(" (line {line_b} of the second)") };
            return Ok(Outcome::Different(format!("line {line_a}{other} {how}")));
        }
    }
}

/// Passes over lines that are equal byte for byte. A line that is left out by a pattern is so on both sides.
fn skip_equal_lines<A: Read, B: Read>(a: &mut Window<A>, b: &mut Window<B>) -> io::Result<()> {
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = &left[..common_prefix(left, right)];
        let Some(last) = same.iter().rposition(|&b| b == b'\n') else { return Ok(()) };
        let lines = same[..=last].iter().filter(|&&b| b == b'\n').count() as u64;
        let is_all = same.len() == left.len() || same.len() == right.len();
        a.advance_lines(last + 1, lines);
        b.advance_lines(last + 1, lines);
        if !is_all {
            return Ok(());
        }
    }
}

/// Passes over lines in which one of the patterns is found. A line that does not fit the window is not left out.
fn skip_ignored_lines<R: Read>(window: &mut Window<R>, patterns: &[Regex]) -> io::Result<()> {
    if patterns.is_empty() {
        return Ok(());
    }
    loop {
        let mut view = window.see_some()?;
        let mut end = view.iter().position(|&b| b == b'\n');
        if end.is_none() {
            view = window.see(window.capacity())?;
            end = view.iter().position(|&b| b == b'\n');
        }
        let is_cut = end.is_none() && view.len() == window.capacity();
        let view = window.bytes();
        let line = &view[..end.unwrap_or(view.len())];
        if is_cut || (line.is_empty() && end.is_none()) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if !patterns.iter().any(|pattern| pattern.is_match(&text)) {
            return Ok(());
        }
        let (bytes, lines) = (line.len() + usize::from(end.is_some()), u64::from(end.is_some()));
        window.advance_lines(bytes, lines);
    }
}

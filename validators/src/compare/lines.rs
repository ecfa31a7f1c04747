//! What the rules for texts share: lines that are equal or left out are passed over in bulk.

use std::io::{self, Read};

use regex::bytes::RegexSet;

use super::Outcome;
use super::window::{Window, common_prefix};

/// Two lines differ.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// Numbers of the lines, from 1.
    pub lines: (u64, u64),
    /// Where in the line and how.
    pub how: String,
}

/// Compares line by line with `compare_line`, which is called at the start of two lines that differ in bytes;
/// it passes over both, or says how they differ. It may go on to further lines, and ends at the start of two.
pub(super) fn compare<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    ignore_lines: &RegexSet,
    mut compare_line: impl FnMut(&mut Window<A>, &mut Window<B>) -> io::Result<Option<Mismatch>>,
) -> io::Result<Outcome> {
    loop {
        skip_equal_lines(a, b)?;
        skip_ignored_lines(a, ignore_lines)?;
        skip_ignored_lines(b, ignore_lines)?;
        match (a.is_over()?, b.is_over()?) {
            (true, true) => return Ok(Outcome::Same),
            (true, false) => {
                let line = b.line();
                return Ok(Outcome::Different(format!("line {line}: only the second result has it")));
            }
            (false, true) => {
                let line = a.line();
                return Ok(Outcome::Different(format!("line {line}: only the first result has it")));
            }
            (false, false) => {}
        }
        if let Some(Mismatch { lines: (line_a, line_b), how }) = compare_line(a, b)? {
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
        let Some(last) = memchr::memrchr(b'\n', same) else { return Ok(()) };
        let lines = memchr::memchr_iter(b'\n', &same[..=last]).count() as u64;
        let is_all = same.len() == left.len() || same.len() == right.len();
        a.advance_lines(last + 1, lines);
        b.advance_lines(last + 1, lines);
        if !is_all {
            return Ok(());
        }
    }
}

/// Passes over lines in which one of the patterns is found. A line that does not fit the window is not left out.
fn skip_ignored_lines<R: Read>(window: &mut Window<R>, patterns: &RegexSet) -> io::Result<()> {
    if patterns.is_empty() {
        return Ok(());
    }
    loop {
        let mut view = window.see_some()?;
        let mut end = memchr::memchr(b'\n', view);
        if end.is_none() {
            view = window.see(window.capacity())?;
            end = memchr::memchr(b'\n', view);
        }
        let is_cut = end.is_none() && view.len() == window.capacity();
        let view = window.bytes();
        let line = &view[..end.unwrap_or(view.len())];
        if is_cut || (line.is_empty() && end.is_none()) {
            return Ok(());
        }
        if !patterns.is_match(line.strip_suffix(b"\r").unwrap_or(line)) {
            return Ok(());
        }
        let (bytes, lines) = (line.len() + usize::from(end.is_some()), u64::from(end.is_some()));
        window.advance_lines(bytes, lines);
    }
}

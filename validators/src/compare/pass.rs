//! Runs of plain numbers and of equal words: most of what programs print, decided in one pass.
//!
//! Nothing is decided here that could be in doubt: the pass stops before it, and the general way goes on there.

use super::commas::{Written, surely_agree};
use super::line::Line;
use super::line_tolerances::{Allowed, LineTolerances};
use super::scan::{Class, MARGIN, class, read, skip_blanks};
use crate::rule::DecimalMark;

/// How far a pass went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Bytes of the one text.
    pub a: usize,
    /// Bytes of the other.
    pub b: usize,
    /// Ends of lines among them.
    pub lines: u64,
}

/// Passes over pairs of plain numbers that are surely within the tolerance and over equal words and marks, with
/// `may_end_lines` from line to line. `before` has the bytes before `a` and `b`.
pub(super) fn pass(
    a: &[u8],
    b: &[u8],
    before: [u8; 2],
    line: &mut Line,
    tolerances: &LineTolerances,
    may_end_lines: bool,
) -> Passed {
    if tolerances.decimal() == DecimalMark::Comma {
        return Passed::default();
    }
    if tolerances.has_places() {
        return pass_places(a, b, before, line, tolerances, may_end_lines);
    }
    let limits = tolerances.general();
    let mut passed = Passed::default();
    while let Some((at_a, at_b)) = next(a, b, &passed) {
        if a[at_a] == b'\n' && b[at_b] == b'\n' && may_end_lines {
            passed = Passed { a: at_a + 1, b: at_b + 1, lines: passed.lines + 1 };
            continue;
        }
        // Whatever begins a number comes before the letters.
        if a[at_a] <= b'9'
            && let (Some((x, end_a)), Some((y, end_b))) = (read(a, at_a), read(b, at_b))
        {
            let sides = [written(a, at_a, end_a, before[0]), written(b, at_b, end_b, before[1])];
            if !limits.surely_allow(&x, &y) || !may_differ(sides, tolerances) {
                break;
            }
            (passed.a, passed.b) = (end_a, end_b);
            continue;
        }
        let Some(length) = equal_piece(a, at_a, b, at_b) else { break };
        (passed.a, passed.b) = (at_a + length, at_b + length);
    }
    // Where in its line that is matters only now.
    line.pass_over([&a[..passed.a], &b[..passed.b]]);
    passed
}

#[inline]
fn written(view: &[u8], at: usize, end: usize, before: u8) -> Written<'_> {
    let before = if at == 0 { before } else { view[at - 1] };
    Written { before, text: &view[at..end], after: &view[end..] }
}

/// Whether two numbers that are close enough surely agree, whatever marks are around them.
#[inline]
fn may_differ([x, y]: [Written; 2], tolerances: &LineTolerances) -> bool {
    tolerances.decimal() != DecimalMark::Unset || surely_agree(x, y)
}

/// Where the next pieces begin, if there is enough behind them to read any of them.
#[inline]
fn next(a: &[u8], b: &[u8], passed: &Passed) -> Option<(usize, usize)> {
    let (at_a, at_b) = (skip_blanks(a, passed.a), skip_blanks(b, passed.b));
    (at_a + MARGIN < a.len() && at_b + MARGIN < b.len()).then_some((at_a, at_b))
}

/// The length of the word, or of the marks, that both begin with; `None` if they differ, or it is a long word.
#[inline]
fn equal_piece(a: &[u8], at_a: usize, b: &[u8], at_b: usize) -> Option<usize> {
    match class(a[at_a]) {
        Class::Mark => {
            let (a, b) = (&a[at_a..at_a + MARGIN], &b[at_b..at_b + MARGIN]);
            let is_over = |(x, y): (&u8, &u8)| x != y || class(*x) != Class::Mark;
            let length = a.iter().zip(b).position(is_over).unwrap_or(MARGIN);
            (length > 0).then_some(length)
        }
        Class::Word => {
            let (a, b) = (&a[at_a..at_a + MARGIN], &b[at_b..at_b + MARGIN]);
            let is_over = |(x, y): (&u8, &u8)| x != y || class(*x) != Class::Word;
            let length = a.iter().zip(b).position(is_over)?;
            (class(a[length]) != Class::Word && class(b[length]) != Class::Word).then_some(length)
        }
        Class::Blank | Class::LineEnd => None,
    }
}

/// The same where tolerances depend on the place in the line.
fn pass_places(
    a: &[u8],
    b: &[u8],
    before: [u8; 2],
    line: &mut Line,
    tolerances: &LineTolerances,
    may_end_lines: bool,
) -> Passed {
    let mut passed = Passed::default();
    while let Some((at_a, at_b)) = next(a, b, &passed) {
        if a[at_a] == b'\n' && b[at_b] == b'\n' && may_end_lines {
            passed = Passed { a: at_a + 1, b: at_b + 1, lines: passed.lines + 1 };
            *line = Line::default();
            continue;
        }
        let mut here = *line;
        here.note_blanks([at_a > passed.a, at_b > passed.b]);
        here.enter();
        let limits = match tolerances.allowed(&here) {
            Allowed::Within(limits) if here.is_level() => limits,
            _ => break,
        };
        let (end_a, end_b) = match (read(a, at_a), read(b, at_b)) {
            (Some((x, end_a)), Some((y, end_b))) => {
                let sides = [written(a, at_a, end_a, before[0]), written(b, at_b, end_b, before[1])];
                if !limits.surely_allow(&x, &y) || !may_differ(sides, tolerances) {
                    break;
                }
                (end_a, end_b)
            }
            _ => {
                let Some(length) = equal_piece(a, at_a, b, at_b) else { break };
                let piece = &a[at_a..at_a + length];
                if class(piece[0]) == Class::Word {
                    if !is_surely_no_number(piece) {
                        break;
                    }
                    here.key = tolerances.key(piece);
                }
                (at_a + length, at_b + length)
            }
        };
        (passed.a, passed.b) = (end_a, end_b);
        *line = here;
    }
    passed
}

fn is_surely_no_number(word: &[u8]) -> bool {
    !matches!(word[0], b'0'..=b'9' | b'+' | b'-' | b'.' | b'n' | b'N' | b'i' | b'I')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{NumbersRule, Tolerance};

    /// Passes over two texts, with something else after them.
    fn passed(a: &str, b: &str) -> (usize, usize, u64) {
        let tolerance = Tolerance { absolute: 0.01, ..Tolerance::default() };
        let tolerances = LineTolerances::new(&NumbersRule { tolerance, ..NumbersRule::default() });
        let text = |text: &str, rest: char| format!("{text}{}", rest.to_string().repeat(2 * MARGIN));
        let (a, b) = (text(a, 'x'), text(b, 'y'));
        let passed = pass(a.as_bytes(), b.as_bytes(), [0; 2], &mut Line::default(), &tolerances, true);
        (passed.a, passed.b, passed.lines)
    }

    #[test]
    fn a_pass_ends_before_anything_out_of_the_ordinary() {
        assert_eq!(passed(" -1.000 2 .5 7.\n", "-1.001   2.0 0.5 7\n"), (16, 19, 1));
        assert_eq!(passed("ATOM (1.00,\n", "ATOM ( 1.001, \n"), (12, 15, 1));
        for rest in
            ["1.02 ", "1.0x ", "1.0.0 ", "1.0-2 ", "nan ", ". ", "- ", "1.00000000000000000000 ", "a "]
        {
            assert_eq!(passed(&format!("5 {rest}"), "5 1.0 "), (1, 1, 0), "{rest:?}");
            assert_eq!(passed("5 1.0 ", &format!("5 {rest}")), (1, 1, 0), "{rest:?}");
        }
        // Close to the end of what is in view nothing is read.
        let tolerances = LineTolerances::new(&NumbersRule::default());
        assert_eq!(pass(b"1 1", b"1 1", [0; 2], &mut Line::default(), &tolerances, true), Passed::default());
    }
}

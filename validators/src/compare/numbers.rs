//! Rule `numbers`: a line of words, marks and numbers.
//!
//! A line is cut into *words*, runs of ASCII letters, digits and `_ . + -`, and *marks*, any other byte but a
//! blank. A word that is a number, or several one after the other as Fortran prints full columns
//! (`-10.123-100.456`), is compared as numbers; other words and marks must be equal. Blanks only separate.

use std::io::{self, Read};

use super::commas::{self, Written};
use super::decimal::Number;
use super::line::Line;
use super::line_tolerances::{Allowed, LineTolerances};
use super::lines::Mismatch;
use super::pass::pass;
use super::scan::{Class, class};
use super::window::{Window, common_prefix, is_blank};
use super::{brief, excerpt};
use crate::rule::DecimalMark;

/// Longest word that is looked at for numbers, in bytes: bounds the work that a hostile file can cause.
const MAX_NUMBERS_BYTES: usize = 256;

/// What stands next in a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// A number, taking so many bytes.
    Number(Number<'a>, usize),
    /// A word that is not a number, as far as it is in view.
    Word(&'a [u8]),
    /// A byte that is in no word.
    Mark(u8),
    /// The end of the line or file.
    End,
}

/// Compares two lines, and with `may_go_on` those that follow as long as nothing is out of the ordinary.
pub(super) fn compare_line<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    tolerances: &LineTolerances,
    may_go_on: bool,
) -> io::Result<Option<Mismatch>> {
    let mut line = Line::default();
    loop {
        let before = [a.before(), b.before()];
        let passed = pass(a.see_some()?, b.see_some()?, before, &mut line, tolerances, may_go_on);
        a.advance_lines(passed.a, passed.lines);
        b.advance_lines(passed.b, passed.lines);
        if passed.lines > 0 && line.is_at_start() {
            return Ok(None);
        }
        if let Some(how) = compare_piece(a, b, &mut line, tolerances)? {
            return Ok(Some(Mismatch { lines: (a.line(), b.line()), how }));
        }
        if line.is_over {
            a.end_line()?;
            b.end_line()?;
            return Ok(None);
        }
    }
}

/// Compares what comes next in two lines and passes over it, or says how it differs.
fn compare_piece<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    line: &mut Line,
    tolerances: &LineTolerances,
) -> io::Result<Option<String>> {
    if !tolerances.has_places() {
        skip_equal_words(a, b, line, tolerances.decimal())?;
    }
    line.note_blanks([starts_blank(a)?, starts_blank(b)?]);
    a.skip_blanks()?;
    b.skip_blanks()?;
    line.enter();
    let (before_a, before_b) = (a.before(), b.before());
    let (left, right) = (a.see_some()?, b.see_some()?);
    let column = line.column();
    let allowed = tolerances.allowed(line);
    let decimal = tolerances.decimal();
    let (bytes_a, bytes_b) = match (piece(left, decimal), piece(right, decimal)) {
        (Piece::End, Piece::End) => {
            line.is_over = true;
            return Ok(None);
        }
        (x, y) if x == Piece::End || y == Piece::End => {
            return Ok(Some(different(column, &x.shown(left), &y.shown(right), None)));
        }
        _ if tolerances.has_columns() && !line.is_level() => {
            return Ok(Some(format!("column {column}: it is column {} of the second", line.other_column())));
        }
        _ if matches!(allowed, Allowed::AnyWord) => {
            skip_word(a)?;
            skip_word(b)?;
            return Ok(None);
        }
        (Piece::Number(x, bytes_x), Piece::Number(y, bytes_y)) => {
            let (text_x, text_y) = (&left[..bytes_x], &right[..bytes_y]);
            if let Allowed::Within(limits) = allowed
                && text_x != text_y
            {
                let (shown_x, shown_y) = (shown(text_x), shown(text_y));
                if !limits.allow(&x, &y) {
                    let distance = limits.distance(&x, &y);
                    return Ok(Some(different(column, &shown_x, &shown_y, distance)));
                }
                let written_x = Written { before: before_a, text: text_x, after: &left[bytes_x..] };
                let written_y = Written { before: before_b, text: text_y, after: &right[bytes_y..] };
                if !commas::agree((written_x, &x), (written_y, &y), decimal) {
                    let how = different(column, &shown_x, &shown_y, None);
                    return Ok(Some(format!("{how}, next to a mark that can be a decimal one")));
                }
            }
            (bytes_x, bytes_y)
        }
        (Piece::Word(x), Piece::Word(y)) => {
            line.key = None;
            if x != y || x.len() == left.len() || y.len() == right.len() {
                // Different, or longer than what is in view.
                let (mut text_x, mut text_y) = (shown(x), shown(y));
                if skip_equal_word(a, b, decimal)? {
                    return Ok(None);
                }
                if text_x == text_y {
                    (text_x, text_y) = (excerpt(a.bytes()), excerpt(b.bytes()));
                }
                return Ok(Some(different(column, &text_x, &text_y, None)));
            }
            line.key = tolerances.key(x);
            (x.len(), y.len())
        }
        (Piece::Mark(x), Piece::Mark(y)) if x == y => (1, 1),
        (x, y) => return Ok(Some(different(column, &x.shown(left), &y.shown(right), None))),
    };
    a.advance(bytes_a);
    b.advance(bytes_b);
    Ok(None)
}

fn starts_blank<R: Read>(window: &mut Window<R>) -> io::Result<bool> {
    Ok(window.see_some()?.first().is_some_and(|&b| is_blank(b)))
}

/// Passes over everything up to the next blank or the line's end.
fn skip_word<R: Read>(window: &mut Window<R>) -> io::Result<()> {
    loop {
        let view = window.see_some()?;
        let length = view.iter().take_while(|&&b| !is_blank(b) && b != b'\n').count();
        let goes_on = length == view.len() && length > 0;
        window.advance(length);
        if !goes_on {
            return Ok(());
        }
    }
}

/// Passes over what is equal on both sides, up to the last blank or mark: words end there on both.
fn skip_equal_words<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    line: &mut Line,
    decimal: DecimalMark,
) -> io::Result<()> {
    let may_be_in_word = |b: u8| is_in_word(b) || (b == b',' && decimal == DecimalMark::Comma);
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = &left[..common_prefix(left, right)];
        let text = same.iter().position(|&b| b == b'\n').map_or(same, |end| &same[..end]);
        let Some(last) = text.iter().rposition(|&b| !may_be_in_word(b)) else { return Ok(()) };
        let is_all = text.len() == left.len() || text.len() == right.len();
        line.pass_over([&text[..=last]; 2]);
        a.advance(last + 1);
        b.advance(last + 1);
        if !is_all {
            return Ok(());
        }
    }
}

/// Passes over a word that is equal on both sides and says whether it was; if not, stops where they part.
fn skip_equal_word<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    decimal: DecimalMark,
) -> io::Result<bool> {
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let (left, right) = (word(left, decimal), word(right, decimal));
        let same = common_prefix(left, right);
        if same == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        a.advance(same);
        b.advance(same);
    }
}

fn is_in_word(b: u8) -> bool {
    class(b) == Class::Word
}

fn word(view: &[u8], decimal: DecimalMark) -> &[u8] {
    let mut length = 0;
    while let Some(&b) = view.get(length) {
        let is_decimal_comma = || {
            let is_digit = |at: usize| view.get(at).is_some_and(u8::is_ascii_digit);
            decimal == DecimalMark::Comma
                && b == b','
                && length > 0
                && is_digit(length - 1)
                && is_digit(length + 1)
        };
        if !is_in_word(b) && !is_decimal_comma() {
            break;
        }
        length += 1;
    }
    &view[..length]
}

/// The piece at the start of a view, which has no blanks there.
pub(super) fn piece(view: &[u8], decimal: DecimalMark) -> Piece<'_> {
    match view.first() {
        None | Some(b'\n') => return Piece::End,
        Some(&b) if !is_in_word(b) => return Piece::Mark(b),
        Some(_) => {}
    }
    let word = word(view, decimal);
    match Number::read_with(word, decimal.byte()) {
        Some((number, bytes)) if word.len() <= MAX_NUMBERS_BYTES && are_numbers(&word[bytes..], decimal) => {
            Piece::Number(number, bytes)
        }
        _ => Piece::Word(word),
    }
}

/// Whether what follows a number in its word is nothing, or signed numbers only.
fn are_numbers(mut rest: &[u8], decimal: DecimalMark) -> bool {
    while !rest.is_empty() {
        match (rest[0], Number::read_with(rest, decimal.byte())) {
            (b'+' | b'-', Some((_, bytes))) => rest = &rest[bytes..],
            _ => return false,
        }
    }
    true
}

impl Piece<'_> {
    fn shown(&self, view: &[u8]) -> String {
        match self {
            Piece::Number(_, bytes) => shown(&view[..*bytes]),
            Piece::Word(word) => shown(word),
            Piece::Mark(_) => excerpt(&view[..1]),
            Piece::End => excerpt(b""),
        }
    }
}

/// A word as it stands if it is short and plain, else quoted.
pub(super) fn shown(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(text) if text.len() <= 40 && word.iter().all(|&b| is_in_word(b)) => text.to_owned(),
        _ => excerpt(word),
    }
}

fn different(column: u64, a: &str, b: &str, distance: Option<(f64, f64)>) -> String {
    let by = match distance {
        Some((distance, allowed)) => format!(", off by {}, allowed {}", brief(distance), brief(allowed)),
        None => String::new(),
    };
    format!("column {column}: {a} against {b}{by}")
}

//! Rule `numbers`: a line of words, marks and numbers.
//!
//! A line is cut into *words*, runs of ASCII letters, digits and `_ . + -`, and *marks*, any other byte but a
//! blank. A word that is a number, or several one after the other as Fortran prints full columns
//! (`-10.123-100.456`), is compared as numbers; other words and marks must be equal. Blanks only separate.

use std::io::{self, Read};

use super::decimal::{Limits, Number};
use super::plain::{Pass, pass_numbers};
use super::window::{Window, common_prefix, is_blank};
use super::{Outcome, excerpt};

/// Longest word that is looked at for numbers, in bytes: bounds the work that a hostile file can cause.
const MAX_NUMBERS_BYTES: usize = 256;

/// What stands next in a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece<'a> {
    /// A number, taking so many bytes.
    Number(Number<'a>, usize),
    /// A word that is no number, as far as it is in view.
    Word(&'a [u8]),
    /// A byte that is in no word.
    Mark(u8),
    /// The end of the line or file.
    End,
}

/// Compares two lines.
pub(super) fn compare_line<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    limits: &Limits,
) -> io::Result<Outcome> {
    let mut columns = Columns::default();
    loop {
        let pass = pass_numbers(a.see_some()?, b.see_some()?, limits);
        columns.pass_numbers(&pass);
        a.advance(pass.a);
        b.advance(pass.b);
        skip_equal_words(a, b, &mut columns)?;
        columns.note_blanks(a)?;
        a.skip_blanks()?;
        b.skip_blanks()?;
        columns.enter();
        let (left, right) = (a.see_some()?, b.see_some()?);
        let (bytes_a, bytes_b) = match (piece(left), piece(right)) {
            (Piece::End, Piece::End) => break,
            (Piece::Number(x, bytes_x), Piece::Number(y, bytes_y)) => {
                let (text_x, text_y) = (&left[..bytes_x], &right[..bytes_y]);
                if text_x != text_y && !limits.allow(&x, &y) {
                    return Ok(different(
                        columns.column,
                        &shown(text_x),
                        &shown(text_y),
                        limits.distance(&x, &y),
                    ));
                }
                (bytes_x, bytes_y)
            }
            (Piece::Word(x), Piece::Word(y)) => {
                if x != y || x.len() == left.len() || y.len() == right.len() {
                    // Different, or longer than what is in view.
                    let (mut text_x, mut text_y) = (shown(x), shown(y));
                    if skip_equal_word(a, b)? {
                        continue;
                    }
                    if text_x == text_y {
                        (text_x, text_y) = (excerpt(a.bytes()), excerpt(b.bytes()));
                    }
                    return Ok(different(columns.column, &text_x, &text_y, None));
                }
                (x.len(), y.len())
            }
            (Piece::Mark(x), Piece::Mark(y)) if x == y => (1, 1),
            (x, y) => return Ok(different(columns.column, &x.shown(left), &y.shown(right), None)),
        };
        a.advance(bytes_a);
        b.advance(bytes_b);
    }
    a.end_line()?;
    b.end_line()?;
    Ok(Outcome::Same)
}

/// Counts the words of a line as awk does, from 1, separated by blanks.
#[derive(Default)]
struct Columns {
    column: u64,
    is_inside: bool,
}

impl Columns {
    /// Blanks in view end a word.
    fn note_blanks<R: Read>(&mut self, window: &mut Window<R>) -> io::Result<()> {
        if window.see_some()?.first().is_some_and(|&b| is_blank(b)) {
            self.is_inside = false;
        }
        Ok(())
    }

    /// Something that is no blank follows.
    fn enter(&mut self) {
        self.column += u64::from(!self.is_inside);
        self.is_inside = true;
    }

    /// Numbers were passed over, each a word by itself but perhaps for the first.
    fn pass_numbers(&mut self, pass: &Pass) {
        if pass.numbers > 0 {
            let is_new_word = pass.is_after_blank || !self.is_inside;
            self.column += pass.numbers - u64::from(!is_new_word);
            self.is_inside = true;
        }
    }

    /// These bytes were passed over.
    fn pass(&mut self, bytes: &[u8]) {
        for &b in bytes {
            if is_blank(b) { self.is_inside = false } else { self.enter() }
        }
    }
}

/// Passes over what is equal on both sides, up to the last blank or mark: words end there on both.
fn skip_equal_words<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
    columns: &mut Columns,
) -> io::Result<()> {
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = &left[..common_prefix(left, right)];
        let line = same.iter().position(|&b| b == b'\n').map_or(same, |end| &same[..end]);
        let Some(last) = line.iter().rposition(|&b| !is_in_word(b)) else { return Ok(()) };
        let is_all = line.len() == left.len() || line.len() == right.len();
        columns.pass(&line[..=last]);
        a.advance(last + 1);
        b.advance(last + 1);
        if !is_all {
            return Ok(());
        }
    }
}

/// Passes over a word that is equal on both sides and says whether it was; if not, stops where they part.
fn skip_equal_word<A: Read, B: Read>(a: &mut Window<A>, b: &mut Window<B>) -> io::Result<bool> {
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = common_prefix(word(left), word(right));
        if same == 0 {
            return Ok(word(left).is_empty() && word(right).is_empty());
        }
        a.advance(same);
        b.advance(same);
    }
}

fn is_in_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'+' | b'-')
}

fn word(view: &[u8]) -> &[u8] {
    &view[..view.iter().take_while(|&&b| is_in_word(b)).count()]
}

/// The piece at the start of a view, which has no blanks there.
fn piece(view: &[u8]) -> Piece<'_> {
    match view.first() {
        None | Some(b'\n') => return Piece::End,
        Some(&b) if !is_in_word(b) => return Piece::Mark(b),
        Some(_) => {}
    }
    let word = word(view);
    match Number::read(word) {
        Some((number, bytes)) if word.len() <= MAX_NUMBERS_BYTES && are_numbers(&word[bytes..]) => {
            Piece::Number(number, bytes)
        }
        _ => Piece::Word(word),
    }
}

/// Whether what follows a number in its word is nothing, or signed numbers only.
fn are_numbers(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        match (rest[0], Number::read(rest)) {
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
fn shown(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(text) if text.len() <= 40 && word.iter().all(|&b| is_in_word(b)) => text.to_owned(),
        _ => excerpt(word),
    }
}

fn different(column: u64, a: &str, b: &str, distance: Option<(f64, f64)>) -> Outcome {
    let by = match distance {
        Some((distance, allowed)) => format!(", off by {}, allowed {}", brief(distance), brief(allowed)),
        None => String::new(),
    };
    Outcome::Different(format!("column {column}: {a} against {b}{by}"))
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

//! Commas and other marks between digits: what a number behind one is worth depends on who wrote it.
//!
//! `0,05` is the two numbers 0 and 05 of a list, or one number with a decimal comma. Where the rule does not say which,
//! two texts agree only if they agree in both readings.

use std::io::{self, Read};

use super::decimal::{Decimal, Number};
use crate::rule::{DecimalMark, Rule};

/// Bytes of an output that are looked at for decimal commas.
const LOOKED_AT: u64 = 64 << 10;

/// A number where it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    /// The byte before it; 0 at the start of a file.
    pub before: u8,
    /// Its text.
    pub text: &'a [u8],
    /// What follows it.
    pub after: &'a [u8],
}

impl Written<'_> {
    fn follows_mark(self) -> bool {
        is_decimal_mark(self.before)
    }

    /// Whether a mark and a digit follow.
    fn precedes_mark(self) -> bool {
        let mark = match self.after {
            [b',', ..] => 1,
            // One character of UTF-8.
            bytes => bytes.iter().take(4).take_while(|&&b| b >= 0x80).count(),
        };
        mark > 0 && self.after.get(mark).is_some_and(u8::is_ascii_digit)
    }

    fn has_point(self) -> bool {
        memchr::memchr(b'.', self.text).is_some()
    }

    fn is_padded(self) -> bool {
        let digits = self.text.strip_prefix(b"-").or(self.text.strip_prefix(b"+")).unwrap_or(self.text);
        matches!(digits, [b'0', digit, ..] if digit.is_ascii_digit())
    }
}

/// Whether two numbers, whose values agree, can be written differently all the same.
///
/// Cheap, and `false` more often than [`agree`].
pub(super) fn surely_agree(x: Written, y: Written) -> bool {
    let sides = [x, y];
    !sides.iter().any(|side| is_group_mark(side.before) || side.precedes_mark())
        || x.text == y.text
        || sides.iter().all(|side| side.has_point() && !side.is_padded())
}

/// Whether two numbers, whose values agree, agree in every way in which they can be read.
pub(super) fn agree(x: (Written, &Number), y: (Written, &Number), decimal: DecimalMark) -> bool {
    let ((x, Number::Finite(a)), (y, Number::Finite(b))) = (x, y) else { return true };
    let sides = [x, y];
    if sides.iter().any(|side| is_group_mark(side.before)) && !have_same_padding(a, b) {
        return false;
    }
    if decimal != DecimalMark::Unset {
        return true;
    }
    let are_integers = sides.iter().all(|side| !side.has_point());
    if sides.iter().any(|side| side.follows_mark()) && are_integers {
        let are_fractions = sides.iter().all(|side| side.text[0].is_ascii_digit());
        // With other digits or another exponent they are other fractions: 5,050e2 and 5,500e1 are 505 and 55.
        if are_fractions && (a.integer_digits() != b.integer_digits() || a.exponent() != b.exponent()) {
            return false;
        }
    }
    if sides.iter().any(|side| side.precedes_mark()) {
        // A decimal mark makes −0 negative, and a point before it separates thousands.
        let differ_in_sign = are_integers && a.is_zero() && a.is_negative() != b.is_negative();
        let places = |decimal: &Decimal, side: Written| side.has_point().then(|| decimal.fraction_digits());
        let differ_in_groups = matches!((places(a, x), places(b, y)), (Some(3), None) | (None, Some(3)));
        return !differ_in_sign && !differ_in_groups;
    }
    true
}

/// Marks that separate thousands, or a fraction: `,`, `'`, and all beyond ASCII, such as `·` and a narrow blank.
fn is_group_mark(before: u8) -> bool {
    matches!(before, b',' | b'\'' | 0x80..)
}

/// Those of them that programs write before a fraction.
fn is_decimal_mark(before: u8) -> bool {
    matches!(before, b',' | 0x80..)
}

/// Whether zeros before a number, if there are some, make both numbers as wide: 05 is not 5.
pub(super) fn have_same_padding(a: &Decimal, b: &Decimal) -> bool {
    a.integer_digits() == b.integer_digits() || !(a.is_padded() || b.is_padded())
}

/// The first word of an output that seems to have a decimal comma about which its rule is silent: the line, and the word.
///
/// # Errors
/// Those of reading.
pub fn decimal_comma(rule: &Rule, file: impl Read) -> io::Result<Option<(usize, String)>> {
    let separator = match rule {
        Rule::Numbers(rule) if rule.decimal == DecimalMark::Unset => b' ',
        Rule::Table(rule) if rule.decimal == DecimalMark::Unset && rule.separator != b',' => rule.separator,
        _ => return Ok(None),
    };
    let mut text = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut text)?;
    for (line, bytes) in (1..).zip(text.split(|&b| b == b'\n')) {
        let words = bytes.split(|&b| b == separator || b.is_ascii_whitespace() || b"=;|()[]\"".contains(&b));
        if let Some(word) = words.into_iter().find(|word| looks_decimal(word)) {
            return Ok(Some((line, String::from_utf8_lossy(word).into_owned())));
        }
    }
    Ok(None)
}

/// Whether a word is hardly anything but one number with a decimal comma: `0,05`, `1,2345`, `2,5e-3`; not `1,2` or `1,000`,
/// which can be a pair or a thousand.
fn looks_decimal(word: &[u8]) -> bool {
    let Some((Number::Finite(decimal), bytes)) = Number::read_with(word, b',') else { return false };
    let places = decimal.fraction_digits();
    let has_zero = decimal.starts_fraction_with_zero() && places != 3 && places > 1;
    bytes == word.len() && places > 0 && (has_zero || places > 3 || decimal.exponent() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_hardly_anything_else_looks_like_a_decimal_comma() {
        for word in ["0,05", "-1,2345", "+3,14159", "2,5e-3", "12,00", "0,0001"] {
            assert!(looks_decimal(word.as_bytes()), "{word}");
        }
        for word in
            ["1,2", "1,000", "1,234", "1,2,3", "0,5", "1,0", "a,05", "1,05a", ",", "1,", "12", "1.5", "1,-05"]
        {
            assert!(!looks_decimal(word.as_bytes()), "{word}");
        }
    }
}

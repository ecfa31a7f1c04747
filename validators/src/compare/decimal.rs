//! Numbers as they are written.

use super::exact::Term;

/// A number in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number<'a> {
    /// Not a number, of any sign and payload.
    Nan,
    /// An infinity.
    Infinite {
        /// Whether it is the negative one.
        is_negative: bool,
    },
    /// A finite number.
    Finite(Decimal<'a>),
}

/// `integer.fraction · 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decimal<'a> {
    is_negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Number<'a> {
    /// Reads the number that `word` begins with, and says how many bytes it takes. Its fraction follows a point.
    pub(super) fn read(word: &'a [u8]) -> Option<(Self, usize)> {
        Self::read_with(word, b'.')
    }

    /// The same with another mark before the fraction: `point`.
    ///
    /// An exponent has one of the letters `e d q` of either case, or, as Fortran writes one of three digits,
    /// none: `1.5-103` is 1.5 · 10^−103. Infinities and not-a-number must be the whole word.
    pub(super) fn read_with(word: &'a [u8], point: u8) -> Option<(Self, usize)> {
        let signs = usize::from(matches!(word.first(), Some(b'+' | b'-')));
        let is_negative = word.first() == Some(&b'-');
        let rest = &word[signs..];
        if rest.first()?.is_ascii_alphabetic() {
            let is = |name: &str| rest.eq_ignore_ascii_case(name.as_bytes());
            let number = if is("nan") {
                Number::Nan
            } else if is("inf") || is("infinity") {
                Number::Infinite { is_negative }
            } else {
                return None;
            };
            return Some((number, word.len()));
        }
        let integer = digits(rest);
        let after_integer = &rest[integer.len()..];
        let (fraction, after) = match after_integer {
            [mark, after_point @ ..] if *mark == point => {
                (Some(digits(after_point)), &after_point[digits(after_point).len()..])
            }
            _ => (None, after_integer),
        };
        if integer.is_empty() && fraction.unwrap_or_default().is_empty() {
            return None;
        }
        let (exponent, exponent_bytes) = read_exponent(after, fraction.is_some().then_some(point))?;
        let decimal = Decimal { is_negative, integer, fraction: fraction.unwrap_or_default(), exponent };
        Some((Number::Finite(decimal), word.len() - after.len() + exponent_bytes))
    }
}

fn digits(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|b| b.is_ascii_digit()).count()]
}

/// The exponent that `text` begins with and its length, (0, 0) if there is none; `None` if it is beyond reason. `point` is
/// the mark before the fraction, if there is one.
fn read_exponent(text: &[u8], point: Option<u8>) -> Option<(i64, usize)> {
    let letters = usize::from(matches!(text.first(), Some(b'e' | b'E' | b'd' | b'D' | b'q' | b'Q')));
    let signs = usize::from(matches!(text.get(letters), Some(b'+' | b'-')));
    let figures = digits(&text[letters + signs..]);
    let bytes = letters + signs + figures.len();
    let is_exponent = if letters == 1 {
        !figures.is_empty()
    } else {
        let follower = text.get(bytes).map(u8::to_ascii_lowercase);
        let goes_on =
            matches!(follower, Some(b'e' | b'd' | b'q')) || (follower.is_some() && follower == point);
        point.is_some() && signs == 1 && figures.len() == 3 && !goes_on
    };
    if !is_exponent {
        return Some((0, 0));
    }
    if figures.len() > 18 {
        return None;
    }
    let magnitude = figures.iter().fold(0, |sum: i64, &b| sum * 10 + i64::from(b - b'0'));
    Some((if text[letters] == b'-' { -magnitude } else { magnitude }, bytes))
}

impl Decimal<'_> {
    pub(super) fn is_negative(&self) -> bool {
        self.is_negative
    }

    pub(super) fn is_zero(&self) -> bool {
        self.integer.iter().chain(self.fraction).all(|&b| b == b'0')
    }

    /// Digits before the point, zeros included.
    pub(super) fn integer_digits(&self) -> usize {
        self.integer.len()
    }

    /// Digits after the point.
    pub(super) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    /// Whether the first digit after the point is a zero.
    pub(super) fn starts_fraction_with_zero(&self) -> bool {
        self.fraction.first() == Some(&b'0')
    }

    pub(super) fn exponent(&self) -> i64 {
        self.exponent
    }

    /// Whether there are zeros before its first digit that could be left out: `05`, `000`.
    pub(super) fn is_padded(&self) -> bool {
        self.integer.len() > 1 && self.integer[0] == b'0'
    }

    /// The value within 1e-13 of itself, if it is well within the range of `f64`.
    pub(super) fn approximate(&self) -> Option<f64> {
        const SIGNIFICANT: usize = 19;
        let mut mantissa: u64 = 0;
        let mut taken = 0;
        let mut dropped: i64 = 0;
        for &b in self.integer.iter().chain(self.fraction) {
            if taken == SIGNIFICANT {
                dropped += 1;
                continue;
            }
            mantissa = mantissa * 10 + u64::from(b - b'0');
            taken += usize::from(mantissa != 0);
        }
        let scale = self.exponent.checked_sub(self.fraction.len() as i64)?.checked_add(dropped)?;
        if mantissa == 0 {
            return Some(0.0);
        }
        let magnitude = powered(mantissa, scale)?;
        Some(if self.is_negative { -magnitude } else { magnitude })
    }

    /// The nearest floating-point number, if it is finite.
    pub(super) fn nearest(&self) -> Option<f64> {
        let sign = if self.is_negative { "-" } else { "" };
        let text = |digits| std::str::from_utf8(digits).unwrap_or_default();
        let (integer, fraction) = (text(self.integer), text(self.fraction));
        let value: f64 = format!("{sign}0{integer}.{fraction}0e{}", self.exponent).parse().ok()?;
        value.is_finite().then_some(value)
    }

    pub(super) fn term(&self) -> Term {
        let digits = self.integer.iter().chain(self.fraction).map(|b| i64::from(b - b'0'));
        let sign = if self.is_negative { -1 } else { 1 };
        // An exponent has 18 digits at most, a number's word is short: no overflow.
        let lowest = self.exponent - self.fraction.len() as i64;
        Term::new(digits.map(|digit| sign * digit).collect(), lowest)
    }
}

/// mantissa · 10^scale within 1e-14 of itself, if it is well within the range of `f64`.
#[inline]
pub(super) fn powered(mantissa: u64, scale: i64) -> Option<f64> {
    const UNITS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    const SIXTEENS: [f64; 16] = [
        1e0, 1e16, 1e32, 1e48, 1e64, 1e80, 1e96, 1e112, 1e128, 1e144, 1e160, 1e176, 1e192, 1e208, 1e224,
        1e240,
    ];
    let size = scale.unsigned_abs();
    if size > 250 {
        return None;
    }
    let size = size as usize;
    let mut power = UNITS[size % 16];
    if size >= 16 {
        power *= SIXTEENS[size / 16];
    }
    Some(if scale < 0 { mantissa as f64 / power } else { mantissa as f64 * power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_taken_for_one() {
        for text in ["", "+", "-", ".", "+.", "e5", "infinite", "nano", "x1", "1e9999999999999999999"] {
            assert_eq!(Number::read(text.as_bytes()), None, "{text}");
        }
        for (text, bytes) in [
            ("1e", 1),
            ("1e+", 1),
            ("1.5-10", 3),
            ("1.5-1034", 3),
            ("1.5-103.2", 3),
            ("5-103", 1),
            ("1_000", 1),
            ("0x1F", 1),
            ("1.5-103-2", 7),
        ] {
            assert_eq!(Number::read(text.as_bytes()).unwrap().1, bytes, "{text}");
        }
    }
}

//! Numbers as they are written, and whether two are within a tolerance: decided exactly.

use std::cmp::Ordering;

use crate::rule::Tolerance;

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
    /// Reads the number that `word` begins with, and says how many bytes it takes.
    ///
    /// An exponent has one of the letters `e d q` of either case, or, as Fortran writes one of three digits,
    /// none: `1.5-103` is 1.5 · 10^−103. Infinities and not-a-number must be the whole word.
    pub(super) fn read(word: &'a [u8]) -> Option<(Self, usize)> {
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
        let (fraction, after) = match after_integer.strip_prefix(b".") {
            Some(after_point) => (Some(digits(after_point)), &after_point[digits(after_point).len()..]),
            None => (None, after_integer),
        };
        if integer.is_empty() && fraction.unwrap_or_default().is_empty() {
            return None;
        }
        let (exponent, exponent_bytes) = read_exponent(after, fraction.is_some())?;
        let decimal = Decimal { is_negative, integer, fraction: fraction.unwrap_or_default(), exponent };
        Some((Number::Finite(decimal), word.len() - after.len() + exponent_bytes))
    }
}

fn digits(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|b| b.is_ascii_digit()).count()]
}

/// The exponent that `text` begins with and its length, (0, 0) if there is none; `None` if it is beyond reason.
fn read_exponent(text: &[u8], has_point: bool) -> Option<(i64, usize)> {
    let letters = usize::from(matches!(text.first(), Some(b'e' | b'E' | b'd' | b'D' | b'q' | b'Q')));
    let signs = usize::from(matches!(text.get(letters), Some(b'+' | b'-')));
    let figures = digits(&text[letters + signs..]);
    let bytes = letters + signs + figures.len();
    let is_exponent = if letters == 1 {
        !figures.is_empty()
    } else {
        let follower = text.get(bytes).map(u8::to_ascii_lowercase);
        has_point && signs == 1 && figures.len() == 3 && !matches!(follower, Some(b'.' | b'e' | b'd' | b'q'))
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
    /// The value within 1e-13 of itself, if it is well within the range of `f64`.
    fn approximate(&self) -> Option<f64> {
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
        if !(-250..=250).contains(&scale) {
            return None;
        }
        let power = 10f64.powi(scale.unsigned_abs() as i32);
        let magnitude = if scale < 0 { mantissa as f64 / power } else { mantissa as f64 * power };
        Some(if self.is_negative { -magnitude } else { magnitude })
    }

    fn term(&self) -> Term {
        let digits = self.integer.iter().chain(self.fraction).map(|b| i64::from(b - b'0'));
        let sign = if self.is_negative { -1 } else { 1 };
        // An exponent has 18 digits at most, a number's word is short: no overflow.
        Term {
            digits: digits.map(|digit| sign * digit).collect(),
            lowest: self.exponent - self.fraction.len() as i64,
        }
        .trimmed()
    }
}

/// A signed decimal: all digits have its sign, the last one counts `10^lowest`.
#[derive(Clone, Debug)]
struct Term {
    digits: Vec<i64>,
    lowest: i64,
}

impl Term {
    fn trimmed(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|&&digit| digit == 0).count();
        self.digits.drain(..zeros);
        self
    }

    fn negated(&self) -> Self {
        Self { digits: self.digits.iter().map(|digit| -digit).collect(), lowest: self.lowest }
    }

    fn times(&self, other: &Self) -> Self {
        if self.digits.is_empty() || other.digits.is_empty() {
            return Self { digits: Vec::new(), lowest: 0 };
        }
        let mut columns = vec![0; self.digits.len() + other.digits.len() - 1];
        for (i, x) in self.digits.iter().enumerate() {
            for (j, y) in other.digits.iter().enumerate() {
                columns[i + j] += x * y;
            }
        }
        // Columns beyond 9 are as good as digits for `sign_of_sum`, but take more room above.
        Self { digits: columns, lowest: self.lowest + other.lowest }
    }
}

/// Room above a term's highest column, in digits, that the sum of all columns can reach into.
const HEADROOM: i64 = 24;

/// The sign of a sum, exactly, for exponents of any size.
fn sign_of_sum(terms: &[Term]) -> Ordering {
    let mut terms: Vec<Term> = terms.iter().filter(|term| !term.digits.is_empty()).cloned().collect();
    terms.sort_by_key(|term| term.lowest);
    // Where the digits of lower terms end far below those of the higher ones, the gap is closed up: what is
    // below cannot outweigh one unit above as long as there is headroom between.
    let mut top = i64::MIN;
    let mut shift = 0;
    for term in &mut terms {
        term.lowest -= shift;
        if top != i64::MIN && term.lowest > top + HEADROOM {
            shift += term.lowest - (top + HEADROOM);
            term.lowest = top + HEADROOM;
        }
        top = top.max(term.lowest + term.digits.len() as i64);
    }
    let Some(bottom) = terms.first().map(|term| term.lowest) else { return Ordering::Equal };
    let mut columns = vec![0i64; (top - bottom) as usize];
    for term in &terms {
        let offset = (term.lowest - bottom) as usize;
        for (column, digit) in columns[offset..].iter_mut().zip(term.digits.iter().rev()) {
            *column += digit;
        }
    }
    let mut carry = 0;
    let mut has_rest = false;
    for column in columns {
        let sum = column + carry;
        carry = sum.div_euclid(10);
        has_rest |= sum.rem_euclid(10) != 0;
    }
    // The digits left behind are not negative: only the carry can be.
    carry.cmp(&0).then(if has_rest { Ordering::Greater } else { Ordering::Equal })
}

/// A tolerance, ready to be applied. Its numbers are taken as written: 0.01 is a hundredth, not the nearest
/// binary fraction.
#[derive(Debug)]
pub(super) struct Limits {
    tolerance: Tolerance,
    absolute: Term,
    relative: Term,
}

impl Limits {
    /// `tolerance` must be finite and not negative.
    pub(super) fn new(tolerance: Tolerance) -> Self {
        let term = |value: f64| match Number::read(format!("{value:e}").as_bytes()) {
            Some((Number::Finite(decimal), _)) => decimal.term(),
            _ => Term { digits: Vec::new(), lowest: 0 },
        };
        Self { tolerance, absolute: term(tolerance.absolute), relative: term(tolerance.relative) }
    }

    /// Whether |a − b| ≤ max(absolute, relative · max(|a|, |b|)).
    ///
    /// Not-a-number agrees with itself, an infinity with the one of its sign, and zeros whatever their sign.
    pub(super) fn allow(&self, a: &Number, b: &Number) -> bool {
        match (a, b) {
            (Number::Nan, Number::Nan) => true,
            (Number::Infinite { is_negative: x }, Number::Infinite { is_negative: y }) => x == y,
            (Number::Finite(a), Number::Finite(b)) => {
                let roughly =
                    a.approximate().zip(b.approximate()).and_then(|(a, b)| self.allow_roughly(a, b));
                roughly.unwrap_or_else(|| self.allow_exactly(a, b))
            }
            _ => false,
        }
    }

    /// The distance of two finite numbers and what is allowed, both approximately.
    pub(super) fn distance(&self, a: &Number, b: &Number) -> Option<(f64, f64)> {
        let (Number::Finite(a), Number::Finite(b)) = (a, b) else { return None };
        let (a, b) = (a.approximate()?, b.approximate()?);
        Some(((a - b).abs(), self.allowed(a, b)))
    }

    fn allowed(&self, a: f64, b: f64) -> f64 {
        self.tolerance.absolute.max(self.tolerance.relative * a.abs().max(b.abs()))
    }

    /// The answer for two numbers known within 1e-13 of themselves, where that error cannot matter.
    pub(super) fn allow_roughly(&self, a: f64, b: f64) -> Option<bool> {
        let distance = (a - b).abs();
        let allowed = self.allowed(a, b);
        let error = 1e-12 * (a.abs() + b.abs() + allowed);
        if distance - allowed > error {
            Some(false)
        } else if allowed - distance > error {
            Some(true)
        } else {
            None
        }
    }

    fn allow_exactly(&self, a: &Decimal, b: &Decimal) -> bool {
        let (a, b) = (a.term(), b.term());
        let (larger, smaller) = match sign_of_sum(&[a.clone(), b.negated()]) {
            Ordering::Equal => return true,
            Ordering::Greater => (a, b),
            Ordering::Less => (b, a),
        };
        let is_within = |allowed: &Term| {
            sign_of_sum(&[larger.clone(), smaller.negated(), allowed.negated()]) != Ordering::Greater
        };
        let magnitude = |term: &Term| {
            if term.digits.iter().any(|&digit| digit < 0) { term.negated() } else { term.clone() }
        };
        let (x, y) = (magnitude(&larger), magnitude(&smaller));
        let greatest = if sign_of_sum(&[x.clone(), y.negated()]) == Ordering::Less { y } else { x };
        is_within(&self.absolute) || is_within(&greatest.times(&self.relative))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number<'_> {
        match Number::read(text.as_bytes()) {
            Some((number, bytes)) if bytes == text.len() => number,
            found => panic!("{text:?} was read as {found:?}"),
        }
    }

    fn allows(absolute: f64, relative: f64, a: &str, b: &str) -> bool {
        let limits = Limits::new(Tolerance { absolute, relative });
        let answer = limits.allow(&number(a), &number(b));
        assert_eq!(limits.allow(&number(b), &number(a)), answer, "not symmetric: {a} {b}");
        answer
    }

    #[test]
    fn every_style_of_the_same_number_is_equal() {
        for text in [
            "1500",
            "+1500",
            "1500.",
            "1500.0",
            "1.5e3",
            "1.5E+3",
            "1.5D3",
            "1.5d+03",
            "15q2",
            "0.15Q+0004",
            "1.5+003",
            "00001500",
            "150000e-2",
            ".15e4",
            "1500000000000000000000000e-21",
        ] {
            assert!(allows(0.0, 0.0, "1500", text), "{text}");
        }
        assert!(allows(0.0, 0.0, "0", "-0.000e999999999"));
        assert!(allows(0.0, 0.0, "-1.25-103", "-1.25e-103"));
        assert!(allows(0.0, 0.0, "nan", "-NaN"));
        assert!(allows(0.0, 0.0, "inf", "+Infinity"));
    }

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

    #[test]
    fn the_border_is_decided_as_written_and_not_as_rounded() {
        // In binary, 0.8 − 0.7 is greater than 0.1.
        assert!(allows(0.1, 0.0, "0.8", "0.7"));
        assert!(!allows(0.1, 0.0, "0.8", "0.69999999999999999999999999"));
        assert!(allows(0.01, 0.0, "-7.213", "-7.203"));
        assert!(!allows(0.01, 0.0, "-7.213", "-7.198"));
        assert!(allows(0.0, 0.1, "100", "90"));
        assert!(!allows(0.0, 0.1, "100", "89.999999999999999999"));
        assert!(allows(0.0, 2.0, "-5", "5"));
        assert!(!allows(0.0, 1.9, "-5", "5"));
        assert!(!allows(0.0, 0.0, "12345678901234567890", "12345678901234567891"));
        assert!(allows(1.0, 0.0, "12345678901234567890", "12345678901234567891"));
    }

    #[test]
    fn numbers_far_beyond_floating_point_are_decided_too() {
        assert!(!allows(1e300, 0.5, "1e999999999", "1e999999998"));
        assert!(allows(0.0, 0.9, "1e999999999", "1e999999998"));
        assert!(!allows(0.0, 0.9, "1e999999999", "0.99e999999998"));
        assert!(allows(1e-300, 0.0, "1e-999999999999999999", "-1e-999999999999999999"));
        assert!(!allows(0.0, 1.0, "1e-999999999999999999", "-1e-999999999999999999"));
        // The tiny one decides at the border.
        assert!(allows(1.0, 0.0, "1", "1e-999999999"));
        assert!(!allows(1.0, 0.0, "1", "-1e-999999999"));
        assert!(allows(0.0, 1.0, "1", "1e-999999999"));
        assert!(!allows(0.0, 0.0, "inf", "1e999999999"));
        assert!(!allows(1e308, 1e308, "inf", "-inf"));
        assert!(!allows(1e308, 1e308, "nan", "0"));
    }

    /// digits · 10^−places, exactly, in units of 10^−12.
    fn scaled(digits: i64, places: u32) -> i128 {
        i128::from(digits) * 10i128.pow(12 - places)
    }

    fn written(digits: i64, places: u32, style: u8) -> String {
        match style {
            0 => format!("{digits}e-{places}"),
            1 => format!("{digits}00d-{}", places + 2),
            2 => format!("{digits}.0Q-{places}"),
            _ => {
                let unit = 10i64.pow(places);
                let sign = if digits < 0 { "-" } else { "" };
                let places = places as usize;
                format!("{sign}{}.{:0places$}", digits.abs() / unit, digits.abs() % unit)
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Small tolerances and neighbouring numbers, so that many pairs lie exactly on the border.
        #[test]
        fn verdicts_are_those_of_exact_arithmetic(
            a in -2000i64..2000, step in -30i64..30, places in 0u32..6, styles in (0u8..4, 0u8..4),
            absolute in 0i64..30, absolute_places in 0u32..6, relative in 0i64..300, relative_places in 0u32..6,
        ) {
            let b = a + step;
            let (x, y) = (scaled(a, places), scaled(b, places));
            let unit = 10i128.pow(relative_places);
            let within_absolute = (x - y).abs() <= scaled(absolute, absolute_places);
            let within_relative = (x - y).abs() * unit <= i128::from(relative) * x.abs().max(y.abs());
            let tolerance = |digits, places| written(digits, places, 0).parse::<f64>().unwrap();
            prop_assert_eq!(
                allows(
                    tolerance(absolute, absolute_places),
                    tolerance(relative, relative_places),
                    &written(a, places, styles.0),
                    &written(b, places, styles.1),
                ),
                within_absolute || within_relative
            );
        }

        #[test]
        fn any_two_numbers_are_judged_alike_in_both_orders(
            a in "[+-]?[0-9]{1,30}\\.[0-9]{0,30}([edqEDQ][+-]?[0-9]{1,12})?", b in "[+-]?[0-9]{1,4}([eD]-?[0-9]{1,4})?",
            absolute in 0f64..1e9, relative in 0f64..2.0,
        ) {
            allows(absolute, relative, &a, &b);
            prop_assert!(allows(0.0, 0.0, &a, &a));
        }
    }
}

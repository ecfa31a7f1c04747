//! The verdict on two numbers by exact rational arithmetic, which shares nothing with the rule's own.

use num_bigint::BigInt;
use num_rational::BigRational;

/// A number in any of the styles that a text may have.
pub fn value(text: &str) -> BigRational {
    let (sign, text) = match text.split_at(1) {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => (1, text),
    };
    let lower = text.to_ascii_lowercase().replace(['d', 'q'], "e");
    let (digits, exponent) = match lower.split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse().unwrap()),
        // As Fortran writes exponents of three digits.
        None => match lower.rfind(['+', '-']) {
            Some(at) => (lower[..at].to_owned(), lower[at..].parse().unwrap()),
            None => (lower, 0i32),
        },
    };
    let (integer, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mantissa: BigInt = format!("0{integer}{fraction}").parse().unwrap();
    let scale = exponent - i32::try_from(fraction.len()).unwrap();
    let power = BigInt::from(10).pow(scale.unsigned_abs());
    let magnitude = if scale < 0 {
        BigRational::new(mantissa, power)
    } else {
        BigRational::from_integer(mantissa * power)
    };
    magnitude * BigRational::from_integer(sign.into())
}

/// Whether |a − b| ≤ max(absolute, relative · max(|a|, |b|)).
pub fn allows(absolute: &str, relative: &str, a: &str, b: &str) -> bool {
    let (a, b) = (value(a), value(b));
    let magnitude =
        |value: &BigRational| if *value < BigRational::default() { -value } else { value.clone() };
    let distance = magnitude(&(&a - &b));
    let greatest = magnitude(&a).max(magnitude(&b));
    distance <= value(absolute).max(value(relative) * greatest)
}

//! Whether two numbers are within a tolerance: decided exactly.

use std::cmp::Ordering;

use super::decimal::{Decimal, Number, powered};
use super::exact::{Term, sign_of_sum};
use super::scan::Plain;
use crate::rule::Tolerance;

/// Decimal places for which the absolute tolerance is kept in whole units.
const MOST_PLACES: usize = 40;

/// A tolerance, ready to be applied. Its numbers are taken as written: 0.01 is a hundredth, not the nearest
/// binary fraction.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    tolerance: Tolerance,
    absolute: Term,
    relative: Term,
    /// The absolute tolerance in units of 10^−i, rounded down, at most what fits.
    units: [u64; MOST_PLACES],
    /// The relative tolerance as mantissa · 10^−places, if that fits.
    fraction: Option<(u64, u32)>,
}

impl Limits {
    /// `tolerance` must be finite and not negative.
    pub(super) fn new(tolerance: Tolerance) -> Self {
        let mut units = [0; MOST_PLACES];
        if let Some((mantissa, exponent)) = parts(tolerance.absolute) {
            for (places, units) in (0i32..).zip(&mut units) {
                *units = shifted(mantissa, exponent + places);
            }
        }
        let fraction = parts(tolerance.relative).and_then(|(mantissa, exponent)| match exponent {
            0.. => Some((mantissa.checked_mul(10u64.checked_pow(exponent.unsigned_abs())?)?, 0)),
            _ => Some((mantissa, exponent.unsigned_abs())),
        });
        Self {
            tolerance,
            absolute: term(tolerance.absolute),
            relative: term(tolerance.relative),
            units,
            fraction,
        }
    }

    /// Whether |a − b| ≤ max(absolute, relative · max(|a|, |b|)), or there are few enough steps between them.
    ///
    /// Not-a-number agrees with itself, an infinity with the one of its sign, and zeros whatever their sign.
    pub(super) fn allow(&self, a: &Number, b: &Number) -> bool {
        self.allow_without_steps(a, b)
            || matches!((a, b), (Number::Finite(a), Number::Finite(b)) if self.allow_steps(a, b))
    }

    /// The same, steps left aside.
    pub(super) fn allow_without_steps(&self, a: &Number, b: &Number) -> bool {
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

    /// Whether two numbers are surely within the tolerance; if not, [`Limits::allow`] has to be asked.
    #[inline]
    pub(super) fn surely_allow(&self, a: &Plain, b: &Plain) -> bool {
        if a.scale == b.scale {
            // Mantissas have 18 digits at most: no overflow.
            let distance = if a.is_negative == b.is_negative {
                a.mantissa.abs_diff(b.mantissa)
            } else {
                a.mantissa + b.mantissa
            };
            match self.units.get(a.scale.wrapping_neg() as usize) {
                Some(&units) if distance <= units => return true,
                Some(_) if self.tolerance.relative == 0.0 => return false,
                _ => {}
            }
            // Without the scale, which both have; the factor covers what is lost. Signed numbers, which all of these
            // fit, take fewer instructions.
            let greatest = a.mantissa.max(b.mantissa).cast_signed() as f64;
            if distance.cast_signed() as f64 <= self.tolerance.relative * greatest * (1.0 - 1e-12) {
                return true;
            }
        }
        self.surely_allow_scaled(a, b)
    }

    fn surely_allow_scaled(&self, a: &Plain, b: &Plain) -> bool {
        let roughly = a.value().zip(b.value()).and_then(|(a, b)| self.allow_roughly(a, b));
        roughly.unwrap_or_else(|| self.allow_in_integers(a, b).unwrap_or(false))
    }

    /// The exact answer without steps, where all numbers fit 128 bits.
    fn allow_in_integers(&self, a: &Plain, b: &Plain) -> Option<bool> {
        let scale = a.scale.min(b.scale);
        let (a, b) = (a.in_units_of(scale)?, b.in_units_of(scale)?);
        let distance = a.checked_sub(b)?.unsigned_abs();
        let places = usize::try_from(scale.checked_neg()?).ok()?;
        if distance <= u128::from(*self.units.get(places)?) {
            return Some(true);
        }
        if self.tolerance.absolute != 0.0 && self.units[places] == u64::MAX {
            return None;
        }
        let (mantissa, places) = self.fraction?;
        let greatest = a.unsigned_abs().max(b.unsigned_abs());
        let allowed = greatest.checked_mul(u128::from(mantissa))?;
        Some(distance.checked_mul(10u128.checked_pow(places)?)? <= allowed)
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

    /// The answer without steps for two numbers known within 1e-13 of themselves, where that error cannot matter.
    pub(super) fn allow_roughly(&self, a: f64, b: f64) -> Option<bool> {
        self.allow_known(a, b, 1e-12)
    }

    /// The same for two numbers known within a third of the fraction `error` of themselves.
    pub(super) fn allow_known(&self, a: f64, b: f64, error: f64) -> Option<bool> {
        let distance = (a - b).abs();
        let allowed = self.allowed(a, b);
        let error = error * (a.abs() + b.abs() + allowed);
        if distance - allowed > error {
            Some(false)
        } else if allowed - distance > error {
            Some(true)
        } else {
            None
        }
    }

    /// Steps that are allowed from one floating-point number to another.
    pub(super) fn ulps(&self) -> u32 {
        self.tolerance.ulps
    }

    fn allow_steps(&self, a: &Decimal, b: &Decimal) -> bool {
        self.tolerance.ulps > 0
            && a.nearest()
                .zip(b.nearest())
                .is_some_and(|(a, b)| steps(a, b) <= u64::from(self.tolerance.ulps))
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
        let (x, y) = (larger.magnitude(), smaller.magnitude());
        let greatest = if sign_of_sum(&[x.clone(), y.negated()]) == Ordering::Less { y } else { x };
        is_within(&self.absolute) || is_within(&greatest.times(&self.relative))
    }
}

/// How a number stands to a limit that is taken as written. `None` for what is not-a-number.
pub(super) fn order_to(number: &Number, limit: f64) -> Option<Ordering> {
    match number {
        Number::Nan => None,
        Number::Infinite { is_negative: true } => Some(Ordering::Less),
        Number::Infinite { is_negative: false } => Some(Ordering::Greater),
        Number::Finite(decimal) => Some(sign_of_sum(&[decimal.term(), term(limit).negated()])),
    }
}

/// Floating-point numbers from one to the other; both must be finite.
pub(super) fn steps(a: f64, b: f64) -> u64 {
    let rank = |value: f64| {
        let magnitude = (value.to_bits() & !(1 << 63)).cast_signed();
        if value.is_sign_negative() { -magnitude } else { magnitude }
    };
    rank(a).abs_diff(rank(b))
}

/// The shortest decimal that is read as this number: its digits and exponent; `None` for 0.
fn parts(value: f64) -> Option<(u64, i32)> {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e')?;
    let places = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let mantissa: u64 = digits.replace('.', "").parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    (mantissa != 0).then(|| (mantissa, exponent - i32::try_from(places).unwrap_or(0)))
}

/// mantissa · 10^exponent, rounded down, at most what fits.
fn shifted(mantissa: u64, exponent: i32) -> u64 {
    let power = 10u64.checked_pow(exponent.unsigned_abs());
    match exponent {
        0.. => power.map_or(u64::MAX, |power| mantissa.saturating_mul(power)),
        _ => power.map_or(0, |power| mantissa / power),
    }
}

fn term(value: f64) -> Term {
    match Number::read(format!("{value:e}").as_bytes()) {
        Some((Number::Finite(decimal), _)) => decimal.term(),
        _ => Term::new(Vec::new(), 0),
    }
}

impl Plain {
    /// The value within 1e-14 of itself, if it is well within the range of `f64`.
    #[inline]
    fn value(&self) -> Option<f64> {
        let magnitude = powered(self.mantissa, self.scale.into())?;
        Some(if self.is_negative { -magnitude } else { magnitude })
    }

    /// The value in units of 10^`scale`, which must not be above its own.
    fn in_units_of(&self, scale: i32) -> Option<i128> {
        let up = 10i128.checked_pow(self.scale.abs_diff(scale))?;
        let units = i128::from(self.mantissa).checked_mul(up)?;
        Some(if self.is_negative { -units } else { units })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number<'_> {
        match Number::read(text.as_bytes()) {
            Some((number, bytes)) if bytes == text.len() => number,
            found => panic!("{text:?} was read as {found:?}"),
        }
    }

    fn allows(absolute: f64, relative: f64, a: &str, b: &str) -> bool {
        let limits = Limits::new(Tolerance { absolute, relative, ulps: 0 });
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

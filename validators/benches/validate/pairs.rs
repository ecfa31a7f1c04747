//! Pairs of numbers, half of them close to the border of their tolerance.

use std::io::Cursor;

use validators::compare::{Outcome, compare};
use validators::spec::ValidateSpec;

use crate::numbers::Numbers;
use crate::oracle;

/// Two numbers and the tolerances they are judged by, as written.
#[derive(Debug)]
pub struct Pair {
    pub absolute: String,
    pub relative: String,
    pub a: String,
    pub b: String,
}

/// What came out for a pair.
pub struct Verdict {
    /// By exact arithmetic.
    pub expected: bool,
    /// By the rule, with nothing behind the numbers and with enough for them to be read in bulk.
    pub found: [bool; 2],
    /// The same with the results exchanged.
    pub exchanged: [bool; 2],
}

impl Pair {
    /// Judges the pair by the rule and by the oracle.
    pub fn judge(&self) -> Verdict {
        let Pair { absolute, relative, a, b } = self;
        let rule = format!("rule = 'numbers'\nabsolute = {absolute}\nrelative = {relative}");
        let rule = toml::from_str::<ValidateSpec>(&rule).unwrap().general().unwrap().compare;
        let agree = |x: &str, y: &str| {
            let text = |number: &str, rest: &str| Cursor::new(format!("{number}{rest}"));
            let rests = ["", &"\nx".repeat(64)];
            rests.map(|rest| compare(&rule, text(x, rest), text(y, rest)).unwrap() == Outcome::Same)
        };
        Verdict {
            expected: oracle::allows(absolute, relative, a, b),
            found: agree(a, b),
            exchanged: agree(b, a),
        }
    }
}

/// The next pair.
pub fn next(numbers: &mut Numbers) -> Pair {
    let places = numbers.below(7) as u32;
    // Tolerances that TOML reads as they are written: few digits.
    let unit = 10u64.pow(places);
    let relative_places = 2 + numbers.below(7);
    // One of them alone most of the time: else the larger one decides nearly always.
    let (absolute, relative) = match numbers.below(5) {
        0 | 1 => (numbers.below(40), 0),
        2 | 3 => (0, numbers.below(400)),
        _ => (numbers.below(40), numbers.below(400)),
    };
    let size = [100, 10_000, 100_000_000, 1_000_000_000_000][numbers.below(4) as usize];
    let a = numbers.below(size).cast_signed() - numbers.below(size).cast_signed();
    let b = match numbers.below(8) {
        // Exactly at the border of the absolute tolerance, or a step beside it.
        0..=2 => a + absolute.cast_signed() + numbers.below(4).cast_signed() - 1,
        // Close to the border of the relative one.
        3..=5 => {
            let allowed = a.unsigned_abs() * relative / 10u64.pow(relative_places as u32);
            a - allowed.cast_signed() - numbers.below(4).cast_signed() + 1
        }
        6 => a,
        _ => numbers.below(size).cast_signed(),
    };
    let shift = if numbers.below(4) == 0 { numbers.below(600).cast_signed() - 300 } else { 0 };
    Pair {
        absolute: format!("{absolute}e{}", shift.clamp(-290, 290) - i64::from(places)),
        relative: format!("{relative}e-{relative_places}"),
        a: written(numbers, a, unit, places, shift.clamp(-290, 290)),
        b: written(numbers, b, unit, places, shift.clamp(-290, 290)),
    }
}

/// digits · 10^(shift − places) in one of many styles.
fn written(numbers: &mut Numbers, digits: i64, unit: u64, places: u32, shift: i64) -> String {
    let sign = match (digits < 0, numbers.below(4)) {
        (true, _) => "-",
        (false, 0) => "+",
        _ => "",
    };
    let magnitude = digits.unsigned_abs();
    let width = places as usize;
    let letter = ["e", "E", "d", "D", "q", "Q"][numbers.below(6) as usize];
    let plain = match places {
        0 => format!("{magnitude}"),
        _ => format!("{}.{:0width$}", magnitude / unit, magnitude % unit),
    };
    let plus =
        |exponent: i64| if exponent < 0 { format!("-{:02}", -exponent) } else { format!("+{exponent:02}") };
    match numbers.below(6) {
        0 => format!("{sign}{magnitude}{letter}{}", shift - i64::from(places)),
        1 => format!("{sign}{magnitude}00.000{letter}{}", plus(shift - i64::from(places) - 2)),
        2 => format!("{sign}.{magnitude:018}{letter}{}", shift - i64::from(places) + 18),
        // Fortran's three digits without a letter.
        3 if (100..1000).contains(&shift.abs()) && places > 0 => format!("{sign}{plain}{}", plus(shift)),
        4 => format!("{sign}000{plain}{letter}{}", plus(shift)),
        _ if shift == 0 => format!("{sign}{plain}"),
        _ => format!("{sign}{plain}{letter}{shift}"),
    }
}

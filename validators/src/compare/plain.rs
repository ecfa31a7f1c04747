//! Runs of numbers in plain notation, such as `-12.345`: most of what programs print, decided in one pass.
//!
//! Nothing is decided here that could be in doubt: the pass stops before it, and the general way goes on there.

use super::decimal::Limits;
use super::window::is_blank;

/// How far a pass went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pass {
    /// Bytes of the one line.
    pub a: usize,
    /// Bytes of the other.
    pub b: usize,
    /// Numbers passed over.
    pub numbers: u64,
    /// Whether there were blanks before the first.
    pub is_after_blank: bool,
}

/// Passes over pairs of plain numbers that are surely within the tolerance.
pub(super) fn pass_numbers(a: &[u8], b: &[u8], limits: &Limits) -> Pass {
    let mut pass = Pass::default();
    loop {
        let (start_a, start_b) = (skip_blanks(a, pass.a), skip_blanks(b, pass.b));
        let (Some((x, end_a)), Some((y, end_b))) = (read(a, start_a), read(b, start_b)) else { return pass };
        if limits.allow_roughly(x, y) != Some(true) {
            return pass;
        }
        if pass.numbers == 0 {
            pass.is_after_blank = start_a > 0;
        }
        pass = Pass { a: end_a, b: end_b, numbers: pass.numbers + 1, ..pass };
    }
}

fn skip_blanks(view: &[u8], mut at: usize) -> usize {
    while at < view.len() && is_blank(view[at]) {
        at += 1;
    }
    at
}

/// The number at `at`, within 1e-15 of itself, and its end; `None` unless a blank or a line's end follows, which
/// shows that it is a whole word.
fn read(view: &[u8], mut at: usize) -> Option<(f64, usize)> {
    const MOST_DIGITS: usize = 18;
    const POWERS: [f64; MOST_DIGITS + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18,
    ];
    let is_negative = *view.get(at)? == b'-';
    at += usize::from(is_negative);
    let start = at;
    let mut mantissa: u64 = 0;
    let mut point = None;
    let follower = loop {
        let byte = *view.get(at)?;
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            // Wraps only if there are too many digits, and then nothing is read.
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            break byte;
        }
        at += 1;
    };
    let places = point.map_or(0, |point| at - point - 1);
    let digits = at - start - usize::from(point.is_some());
    if digits == 0 || digits > MOST_DIGITS || !(is_blank(follower) || follower == b'\n') {
        return None;
    }
    let magnitude = mantissa as f64 / POWERS[places];
    Some((if is_negative { -magnitude } else { magnitude }, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Tolerance;

    fn pass(a: &str, b: &str) -> (usize, usize, u64) {
        let limits = Limits::new(Tolerance { absolute: 0.01, relative: 0.0 });
        let pass = pass_numbers(a.as_bytes(), b.as_bytes(), &limits);
        (pass.a, pass.b, pass.numbers)
    }

    #[test]
    fn a_pass_ends_before_anything_out_of_the_ordinary() {
        assert_eq!(pass(" -1.000 2 .5 7.\n", "-1.001   2.0 0.5 7\n"), (15, 18, 4));
        for rest in [
            "1.02 ",
            "1.01 ",
            "1.0",
            "1.0e0 ",
            "1.0, ",
            "1.0x ",
            "1.0.0 ",
            "1.0-2 ",
            "nan ",
            "+1 ",
            ". ",
            "- ",
            "1.00000000000000000000 ",
            "\n",
            "",
        ] {
            assert_eq!(pass(&format!("5 {rest}"), "5 1.0 "), (1, 1, 1), "{rest:?}");
            assert_eq!(pass("5 1.0 ", &format!("5 {rest}")), (1, 1, 1), "{rest:?}");
        }
    }
}

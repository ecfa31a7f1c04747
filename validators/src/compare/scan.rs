//! Reads numbers, words and blanks eight bytes at a time.

/// A number of at most 18 digits: mantissa · 10^scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    /// Its sign.
    pub is_negative: bool,
    /// All its digits.
    pub mantissa: u64,
    /// The place of the last one.
    pub scale: i32,
}

/// Bytes after a number's start that [`read`] must have in view.
pub(super) const MARGIN: usize = 64;

/// What a byte is to the rule `numbers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Separates words.
    Blank,
    /// Ends a line.
    LineEnd,
    /// Is part of a word.
    Word,
    /// Stands for itself.
    Mark,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Mark; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'+' | b'-') {
            classes[byte] = Class::Word;
        } else if matches!(b, b' ' | b'\t' | b'\r' | 0x0b | 0x0c) {
            classes[byte] = Class::Blank;
        } else if b == b'\n' {
            classes[byte] = Class::LineEnd;
        }
        byte += 1;
    }
    classes
};

/// What a byte is.
#[inline]
pub(super) fn class(b: u8) -> Class {
    CLASSES[usize::from(b)]
}

const ONES: u64 = 0x0101_0101_0101_0101;

#[inline]
fn eight(view: &[u8], at: usize) -> Option<u64> {
    view.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// Moves over blanks, while there are 8 bytes in view.
#[inline]
pub(super) fn skip_blanks(view: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = eight(view, at) {
        let spaces = ((bytes ^ (ONES * u64::from(b' '))).trailing_zeros() / 8) as usize;
        at += spaces;
        if spaces == 8 {
            continue;
        }
        // All blanks are below.
        if view[at] > b' ' || class(view[at]) != Class::Blank {
            break;
        }
        at += 1;
    }
    at
}

/// 8 bytes as digits: each minus '0', and a mask with the highest bit of each that is not a digit.
#[inline]
fn split(bytes: u64) -> (u64, u64) {
    let values = bytes ^ (ONES * u64::from(b'0'));
    let others = (((values & (ONES * 0x7f)) + ONES * 0x76) | values) & (ONES * 0x80);
    (values, others)
}

/// The number that the first `count` of 8 digits make.
#[inline]
fn join(values: u64, count: u32) -> u64 {
    // Digits move to the end, with zeros before them; a shift by 64 is none.
    let values = if count == 0 { 0 } else { values << (8 * (8 - count)) };
    let pairs = values * 10 + (values >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// Number and value of the digits that 8 bytes begin with.
#[inline]
fn digits(bytes: u64) -> (usize, u64) {
    let (values, others) = split(bytes);
    let count = others.trailing_zeros() / 8;
    (count as usize, join(values, count))
}

/// A number without an exponent that is shorter than 8 bytes, its sign left aside: most of them are.
#[inline]
fn read_short(view: &[u8], at: usize, start: usize) -> Option<(Plain, usize)> {
    let bytes = eight(view, start)?;
    let (values, others) = split(bytes);
    let integer = others.trailing_zeros();
    if integer == 64 {
        return None;
    }
    // `trailing_zeros` counts to the highest bit of a byte.
    let (bits, integer) = (integer & !7, integer / 8);
    let (values, others, places, length) = if (bytes >> bits) as u8 == b'.' {
        // The point is taken out.
        let before = (1u64 << bits) - 1;
        let (values, others) = ((values & before) | ((values >> 8) & !before), (others >> 8) & !before);
        let count = others.trailing_zeros() / 8;
        (values, others, count.wrapping_sub(integer), count + 1)
    } else {
        (values, others, 0, integer)
    };
    let count = others.trailing_zeros() / 8;
    if count == 0 || count == 8 || is_padded(view, start) {
        return None;
    }
    let end = start + length as usize;
    if class(view[end]) == Class::Word {
        return None;
    }
    let mantissa = join(values, count);
    Some((Plain { is_negative: view[at] == b'-', mantissa, scale: -(places as i32) }, end))
}

/// Whether zeros come before the first digit that counts: such a number needs a closer look.
#[inline]
fn is_padded(view: &[u8], start: usize) -> bool {
    view[start] == b'0' && view[start + 1].is_ascii_digit()
}

/// Appends the digits at `at` to a mantissa; gives the place after them.
#[inline]
fn take_digits(view: &[u8], mut at: usize, mantissa: &mut u64) -> Option<usize> {
    const POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    loop {
        let (count, value) = digits(eight(view, at)?);
        // Wraps only if there are too many digits, and then nothing is read.
        *mantissa = mantissa.wrapping_mul(POWERS[count]).wrapping_add(value);
        at += count;
        if count < 8 {
            return Some(at);
        }
    }
}

/// The number at `at`, where a word begins, and the place after it.
///
/// `None` says nothing: what is there may be a number all the same, but with too many digits, zeros before them, run
/// together with another, without a letter before its exponent, or too near to the view's end.
#[inline]
pub(super) fn read(view: &[u8], at: usize) -> Option<(Plain, usize)> {
    let first = *view.get(at)?;
    let start = at + usize::from((first == b'-') | (first == b'+'));
    read_short(view, at, start).or_else(|| read_long(view, at, start))
}

#[inline]
fn read_long(view: &[u8], at: usize, start: usize) -> Option<(Plain, usize)> {
    const MOST_DIGITS: usize = 18;
    if view.len() < start + 2 || is_padded(view, start) {
        return None;
    }
    let is_negative = view[at] == b'-';
    let mut mantissa = u64::from(view.get(start)?.wrapping_sub(b'0'));
    let after_integer = if mantissa < 10 && *view.get(start + 1)? == b'.' {
        start + 1
    } else {
        mantissa = 0;
        take_digits(view, start, &mut mantissa)?
    };
    let mut count = after_integer - start;
    let mut end = after_integer;
    let mut scale = 0;
    if view[end] == b'.' {
        end = take_digits(view, after_integer + 1, &mut mantissa)?;
        let places = end - after_integer - 1;
        count += places;
        if places > MOST_DIGITS {
            return None;
        }
        scale = -(places as i32);
    }
    if count == 0 || count > MOST_DIGITS {
        return None;
    }
    if class(*view.get(end)?) == Class::Word {
        let (exponent, after) = read_exponent(view, end)?;
        scale += exponent;
        end = after;
    }
    Some((Plain { is_negative, mantissa, scale }, end))
}

#[inline]
fn read_exponent(view: &[u8], at: usize) -> Option<(i32, usize)> {
    if !matches!(view[at] | 0x20, b'e' | b'd' | b'q') {
        return None;
    }
    let sign = *view.get(at + 1)?;
    let start = at + 1 + usize::from((sign == b'-') | (sign == b'+'));
    let (count, value) = digits(eight(view, start)?);
    if count == 0 || count > 4 || class(view[start + count]) == Class::Word {
        return None;
    }
    let value = value as i32;
    Some((if sign == b'-' { -value } else { value }, start + count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::decimal::Number;

    fn read_all(text: &str) -> Option<(Plain, usize)> {
        read(format!("{text}{}", " ".repeat(MARGIN)).as_bytes(), 0)
    }

    #[test]
    fn plain_numbers_are_read_whole() {
        let plain = |is_negative, mantissa, scale| Some(Plain { is_negative, mantissa, scale });
        for (text, expected) in [
            ("0", plain(false, 0, 0)),
            ("-12.345", plain(true, 12345, -3)),
            ("+.5", plain(false, 5, -1)),
            ("7.", plain(false, 7, 0)),
            ("123456789012345678", plain(false, 123_456_789_012_345_678, 0)),
            ("1234567890.12345678", plain(false, 123_456_789_012_345_678, -8)),
            ("12345678", plain(false, 12_345_678, 0)),
            ("1.5e-03", plain(false, 15, -4)),
            ("-1D+10", plain(true, 1, 10)),
            ("1Q9999", plain(false, 1, 9999)),
        ] {
            let read = read_all(text);
            assert_eq!(read.map(|(number, _)| number), expected, "{text}");
            assert_eq!(read.map(|(_, end)| end), Some(text.len()), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "+.",
            "x",
            "1x",
            "1e",
            "1e+",
            "1e12345",
            "1.0.0",
            "1-2",
            "1.5-103",
            "1234567890123456789",
            "--1",
        ] {
            assert_eq!(read_all(text), None, "{text}");
        }
        assert_eq!(read(b"1.5", 0), None, "what follows is not in view");
    }

    #[test]
    fn blanks_are_passed_over() {
        let text = format!("{}\t {}x{}", " ".repeat(19), " ".repeat(3), "y".repeat(8));
        assert_eq!(skip_blanks(text.as_bytes(), 0), 24);
        assert_eq!(skip_blanks(text.as_bytes(), 24), 24);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Whatever is read is what the careful way reads.
        #[test]
        fn numbers_are_read_as_the_careful_way_reads_them(text in "[-+]?[0-9]{0,12}\\.?[0-9]{0,12}([eEdDqQ]?[-+]?[0-9]{0,5})?[,x. ]?") {
            let word_length = text.bytes().take_while(|&b| class(b) == Class::Word).count();
            if let Some((plain, end)) = read_all(&text) {
                prop_assert_eq!(end, word_length);
                let Some((Number::Finite(decimal), bytes)) = Number::read(&text.as_bytes()[..word_length]) else {
                    return Err(TestCaseError::fail("the careful way reads no number"));
                };
                prop_assert_eq!(bytes, word_length);
                let sign = if plain.is_negative { "-" } else { "" };
                let again = format!("{sign}{}e{}", plain.mantissa, plain.scale);
                let Some((Number::Finite(other), _)) = Number::read(again.as_bytes()) else { unreachable!() };
                let sum = [decimal.term(), other.term().negated()];
                prop_assert_eq!(crate::compare::exact::sign_of_sum(&sum), std::cmp::Ordering::Equal);
            }
        }
    }
}

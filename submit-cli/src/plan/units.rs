//! Sizes and times as users write them: "2 GB", "512 MiB", "3 days", "1h 30m".

use std::time::Duration;

/// What [`size`] accepts, for messages.
pub const SIZE_FORM: &str =
    "a number and a unit, B kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (of 1024), as in \"2 GB\"";

/// What [`duration`] accepts, for messages.
pub const DURATION_FORM: &str = "numbers with units, s min h days or weeks, as in \"3 days\" or \"1h 30m\"";

/// Bytes of a text such as "2 GB" or "1.5MiB"; upper and lower case are the same.
///
/// `None` if it is not such a text, or more than 2^63 bytes.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_rest(text.trim())?;
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.times(scale).filter(|&bytes| bytes <= i64::MAX as u64)
}

/// The duration of a text such as "3 days", "1h 30m" or "1.5 h", to the millisecond.
///
/// `None` if it is not such a text, or longer than a million weeks.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = number_and_rest(rest)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let scale: u64 = match after[..end].to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 604_800_000,
            _ => return None,
        };
        millis = millis.checked_add(number.times(scale)?)?;
        rest = after[end..].trim_start();
    }
    (millis <= 604_800_000_000_000).then(|| Duration::from_millis(millis))
}

/// Bytes as [`size`] reads them, with the largest unit that leaves a number of one or more: "1.5 GB".
pub fn show_size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (scale, unit) in UNITS {
        if bytes >= scale {
            let tenths = (bytes as f64 / scale as f64 * 10.0).round() / 10.0;
            return format!("{tenths} {unit}");
        }
    }
    format!("{bytes} B")
}

/// Seconds with two or three digits, in the largest unit that leaves a number of about two or more: "90 min", "2.5 h",
/// "3 days".
pub fn show_duration(seconds: f64) -> String {
    let digits = |value: f64| if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    let digits = |value: f64| digits(value).trim_end_matches(".0").to_owned();
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.0995 => format!("{} ms", digits(s * 1000.0)),
        s if s < 119.5 => format!("{} s", digits(s)),
        s if s < 7_170.0 => format!("{} min", digits(s / 60.0)),
        s if s < 172_000.0 => format!("{} h", digits(s / 3_600.0)),
        s => format!("{} days", digits(s / 86_400.0)),
    }
}

/// A decimal number: its digits without the point, and how many follow it.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    pub digits: i128,
    pub places: u32,
}

impl Decimal {
    pub const ONE: Self = Self { digits: 1, places: 0 };

    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        let plain = !whole.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() <= 18;
        if !plain || (unsigned.contains('.') && fraction.is_empty()) {
            return None;
        }
        let digits: i128 = digits.parse().ok()?;
        Some(Self {
            digits: if negative { -digits } else { digits },
            places: u32::try_from(fraction.len()).ok()?,
        })
    }

    /// The digits with this number of places, which is not less than its own.
    pub fn with_places(self, places: u32) -> Option<i128> {
        self.digits.checked_mul(10i128.checked_pow(places - self.places)?)
    }

    /// The product, rounded down.
    fn times(self, scale: u64) -> Option<u64> {
        u64::try_from(self.digits * i128::from(scale) / 10i128.checked_pow(self.places)?).ok()
    }
}

fn number_and_rest(text: &str) -> Option<(Decimal, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((Decimal::parse(&text[..end])?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_decimal_and_binary_units() {
        for (text, bytes) in [
            ("0 B", 0),
            ("1 B", 1),
            ("2 GB", 2_000_000_000),
            ("2GB", 2_000_000_000),
            (" 512 MiB ", 512 << 20),
            ("1.5 kb", 1_500),
            ("0.1 TB", 100_000_000_000),
            ("1.0000000000001 TB", 1_000_000_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_sizes() {
        for text in
            ["", "12", "GB", "-1 GB", "1 GBB", "1. GB", ".5 GB", "1.2.3 MB", "1e3 B", "1,5 GB", "99999999 TB"]
        {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_take_several_units() {
        for (text, seconds) in [
            ("3 days", 259_200),
            ("1h 30m", 5_400),
            ("1h30min", 5_400),
            ("90 s", 90),
            ("1.5 h", 5_400),
            ("2 weeks", 1_209_600),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_durations() {
        for text in ["", "3", "days", "3 dayz", "-1 h", "1h 30", "99999999 weeks"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn shown_durations_are_short() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.0421, "42 ms"),
            (1.0, "1 s"),
            (3.126, "3.1 s"),
            (119.0, "119 s"),
            (600.0, "10 min"),
            (3_600.0, "60 min"),
            (9_000.0, "2.5 h"),
            (86_400.0, "24 h"),
            (259_200.0, "3 days"),
            (400_000.0, "4.6 days"),
        ] {
            assert_eq!(show_duration(seconds), text);
        }
    }

    #[test]
    fn a_shown_size_reads_back() {
        for bytes in [0, 999, 1_000, 1_500_000, 2_000_000_000, 7_300_000_000_000] {
            assert_eq!(size(&show_size(bytes)), Some(bytes), "{}", show_size(bytes));
        }
    }
}

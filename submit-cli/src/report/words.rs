//! Numbers and times as a reader wants them.

use boinc::calendar::{date, utc};

use crate::plan::units::show_duration;

/// A time of day in UTC, twice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct When {
    /// For `datetime=`, as HTML wants it.
    pub machine: String,
    /// For people.
    pub people: String,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 as a date and time. Times before 1970 are taken for its begin.
pub fn when(seconds: f64) -> When {
    let whole = seconds.max(0.0) as u64;
    let (days, rest) = (whole / 86_400, whole % 86_400);
    let (hour, minute) = (rest / 3600, rest / 60 % 60);
    let (year, month, day) = date(days);
    let name = MONTHS[month as usize - 1];
    When { machine: utc(seconds), people: format!("{day} {name} {year}, {hour:02}:{minute:02} UTC") }
}

/// A number with commas.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The edge of a bar, exactly: whole seconds from a second on.
pub fn edge(seconds: f64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.round() as u64;
    if seconds < 60.0 || rest as f64 != seconds {
        return show_duration(seconds);
    }
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        if rest >= size {
            parts.push(format!("{} {unit}", count((rest / size) as usize)));
            rest %= size;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0.0, "1970-01-01T00:00:00Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (4_107_542_399.9, "2100-02-28T23:59:59Z"),
            (1_798_761_599.0, "2026-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(when(seconds).machine, expected);
        }
        assert_eq!(when(1_767_225_720.0).people, "1 Jan 2026, 00:02 UTC");
    }

    #[test]
    fn counts_and_edges_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.5, 10.0, 130.0, 5400.0, 86_400.0].map(edge),
            ["0 s", "0.5 s", "10 s", "2 min 10 s", "1 h 30 min", "1 d"]
        );
    }
}

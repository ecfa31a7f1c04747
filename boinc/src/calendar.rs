//! Dates by the Gregorian calendar, in UTC.

/// 1 March of the year 0 is this many days before 1970.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Days from 1 January 1970 to a date (month and day from 1).
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_BEFORE_1970
}

/// Year, month and day (both from 1) of a day since 1970. Years are counted from March, so that the leap day is a year's
/// last.
pub fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let day = days + DAYS_BEFORE_1970 as u64;
    let (era, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// Seconds since 1970 as `2026-08-21T12:00:00Z`. Times before 1970 are shown as its start.
pub fn utc(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (year, month, day) = date(seconds / 86_400);
    let rest = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (1_709_164_799.9, "2024-02-28T23:59:59Z"),
            (1_735_689_600.0, "2025-01-01T00:00:00Z"),
            (4_107_542_399.0, "2100-02-28T23:59:59Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
        for day in (0..60_000).step_by(7) {
            let (year, month, date) = date(day);
            assert_eq!(days(year as i64, month as i64, date as i64), day as i64);
        }
        assert_eq!(days(1, 1, 1), -719_162);
    }
}

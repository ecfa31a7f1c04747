//! The number of an app version.

use std::fmt;
use std::str::FromStr;

/// `MAJOR.MINOR`, with two digits after the dot. BOINC counts 100 × MAJOR + MINOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(u32);

/// A text that is not a version number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// One digit after the point: is it the first or the second?
    #[error("invalid version {text:?}, which BOINC reads as {taken}; write two digits after the dot")]
    OneDigit {
        text: String,
        /// What BOINC reads.
        taken: Number,
    },
    /// No number.
    #[error(
        "invalid version {text:?}; accepted: MAJOR.MINOR, two digits after the dot, from 0.01 to 9999.99"
    )]
    Form { text: String },
}

impl Number {
    /// As BOINC counts: 100 × MAJOR + MINOR.
    pub fn value(self) -> u32 {
        self.0
    }

    /// The version that `update_versions` reads in a directory's name; `None` if it is not a version.
    pub fn of_directory(name: &str) -> Option<u64> {
        let mut parts = name.split('.');
        let major: u64 = parts.next()?.parse().ok()?;
        match parts.next() {
            None => Some(major),
            Some(minor) => Some(100 * major + minor.parse::<u64>().ok()?),
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let form = || NumberError::Form { text: text.to_owned() };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (major, minor) = text.split_once('.').ok_or_else(form)?;
        if !digits(major) || !digits(minor) || major.len() > 4 || (major.len() > 1 && major.starts_with('0'))
        {
            return Err(form());
        }
        let number =
            |text: &str| text.parse::<u32>().map_err(|_| NumberError::Form { text: text.to_owned() });
        let value = Self(100 * number(major)? + number(&minor[..minor.len().min(4)])?);
        match minor.len() {
            1 => Err(NumberError::OneDigit { text: text.to_owned(), taken: value }),
            2 if value.0 > 0 => Ok(value),
            _ => Err(form()),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_boinc_makes_of_it() {
        for (text, value) in [("1.00", 100), ("0.01", 1), ("12.34", 1234)] {
            let number: Number = text.parse().unwrap();
            assert_eq!((number.value(), number.to_string().as_str()), (value, text));
            assert_eq!(Number::of_directory(text), Some(u64::from(value)));
        }
        assert_eq!(Number::of_directory("1.5"), Some(105));
        assert_eq!(Number::of_directory("7"), Some(7));
        assert_eq!(Number::of_directory("old"), None);
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "", "1", ".", "1.", ".01", "1.001", "a.00", "1.0a", "0.00", "-1.00", "01.00", "1.00.00",
            "99999.00",
        ] {
            assert!(matches!(text.parse::<Number>(), Err(NumberError::Form { .. })), "{text}");
        }
        let error = "1.5".parse::<Number>().unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid version \"1.5\", which BOINC reads as 1.05; write two digits after the dot"
        );
    }
}

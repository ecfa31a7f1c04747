//! What proves to a project who we are.

use std::fmt;
use std::ops::RangeInclusive;

/// How long an authenticator can be: 32 in BOINC (`html/inc/user_util.inc`), up to the column's width
/// (`db/schema.sql`, `user.authenticator`) where a project has made its own.
const LENGTHS: RangeInclusive<usize> = 16..=254;

/// The part of a query that proves whose output is requested (`html/user/get_output.php`): as good as the authenticator there.
pub(super) const PROOF: &str = "auth_str";

/// A user's secret at a project ("account key" on its pages). Neither printed nor logged: ask for it by
/// [`expose`](Self::expose).
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticator(String);

/// A text that is not an authenticator; the error does not hold the text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthenticatorError {
    /// Nothing was given.
    #[error("missing authenticator; copy the \"account key\" from your account page at the project")]
    Empty,
    /// It is too short, too long, or holds something else than letters, digits, `_` and `-`.
    #[error(
        "invalid authenticator: found {found}; expected the account key from your account page at the project: \
         32 hexadecimal digits, or a longer one of letters, digits, _ and -"
    )]
    Malformed {
        /// What is wrong about it, without the text itself.
        found: String,
    },
}

impl Authenticator {
    /// Takes an authenticator, with white space around it.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, AuthenticatorError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AuthenticatorError::Empty);
        }
        let odd = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
        if let Some(odd) = odd {
            let found = if odd.is_whitespace() { "white space".to_owned() } else { format!("{odd:?}") };
            return Err(AuthenticatorError::Malformed { found });
        }
        if !LENGTHS.contains(&text.len()) {
            return Err(AuthenticatorError::Malformed { found: format!("{} characters", text.len()) });
        }
        Ok(Self(text.to_owned()))
    }

    /// The length in bytes of the longest one there is.
    pub(crate) fn longest() -> u64 {
        *LENGTHS.end() as u64
    }

    /// The secret itself, to be sent and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(…)")
    }
}

impl fmt::Display for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(authenticator)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "157f96a018b0b2f2b466e2ce3c7f54db";

    #[test]
    fn an_account_key_is_taken_and_never_shown() {
        let key = Authenticator::parse(&format!("  {KEY}\n")).unwrap();
        assert_eq!(key.expose(), KEY);
        assert!(!format!("{key:?} {key}").contains("157f"));
        assert!(Authenticator::parse("1234_ab-cdef567890123456789012345678901234567890").is_ok());
    }

    #[test]
    fn what_is_no_account_key_is_refused_without_showing_it() {
        assert_eq!(Authenticator::parse(" \n"), Err(AuthenticatorError::Empty));
        for (text, found) in [
            ("hunter2", "7 characters"),
            ("157f96a018b0b2f2 b466e2ce3c7f54db", "white space"),
            ("157f96a018b0b2f2<b466e2ce3c7f54db", "'<'"),
            ("someone@project.example", "'@'"),
        ] {
            let error = Authenticator::parse(text).unwrap_err().to_string();
            assert!(error.contains(found) && !error.contains(text), "{error}");
        }
    }
}

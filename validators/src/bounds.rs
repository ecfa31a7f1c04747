//! How much a rule may ask for. A shim reads the rule of a science app in each call, before it has seen any output, so
//! what a submitter can write into it has to be small as well as linear in what it costs.
//!
//! `docs/routes-toml.md` lists these limits for submitters.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use boinc::spelling::shortened_to;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// Outputs of a science app. The daemons' command line, 4,096 bytes long, has room for far fewer.
pub const MOST_OUTPUTS: usize = 1_000;

/// Bytes of a pattern, a column's name, a key, a path or another single text of a rule.
pub const MOST_TEXT_BYTES: usize = 1_000;

/// Mistakes that are listed; the others are counted.
pub const MAX_LISTED_ERRORS: usize = 100;

/// Words of a script's command.
pub const MOST_WORDS: usize = 100;

/// Files that a script brings.
pub const MOST_SCRIPT_FILES: usize = 100;

/// Characters of a foreign text that a message shows.
const SHOWN_CHARS: usize = 80;

/// A text for a message: its beginning, if it is long.
pub fn shortened(text: &str) -> Cow<'_, str> {
    shortened_to(text, SHOWN_CHARS)
}

/// Reads a list of at most `most` elements, and nothing behind them. `what` says which list it is.
///
/// # Errors
/// There are more, or one of them is not as it should be.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    what: &'static str,
    most: usize,
) -> Result<Vec<T>, D::Error> {
    struct List<T> {
        what: &'static str,
        most: usize,
        of: PhantomData<T>,
    }
    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "{}: a list of at most {}", self.what, self.most)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut found = Vec::new();
            while let Some(element) = elements.next_element()? {
                if found.len() == self.most {
                    let (what, most) = (self.what, self.most);
                    return Err(A::Error::custom(format!(
                        "{what}: more than {most} entries, at most {most} are accepted"
                    )));
                }
                found.push(element);
            }
            Ok(found)
        }
    }
    deserializer.deserialize_seq(List { what, most, of: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_the_beginning_of_what_is_long() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ä".repeat(1_000_000)).chars().count(), SHOWN_CHARS + 1);
    }
}

//! JSON in which no two readers can see different things.
//!
//! Go's reader, which the engines use, takes the last of two equal keys and does not tell upper from lower case in the names of
//! fields. Here both are errors.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ArchiveError;

/// Reads a value, after all keys in it were checked. `fields` are the names that are read, as they are written.
pub(super) fn parse<T: DeserializeOwned>(
    what: &str,
    text: &[u8],
    fields: &[&str],
) -> Result<T, ArchiveError> {
    let invalid = |error: serde_json::Error| ArchiveError::Invalid(format!("{what} cannot be read: {error}"));
    let mut reader = serde_json::Deserializer::from_slice(text);
    Keys { fields, free: false }.deserialize(&mut reader).map_err(invalid)?;
    reader.end().map_err(invalid)?;
    serde_json::from_slice(text).map_err(invalid)
}

/// Looks at the keys of a value without keeping the value.
#[derive(Clone, Copy)]
struct Keys<'a> {
    fields: &'a [&'a str],
    /// Names that people give, in labels and annotations: they may differ in case only.
    free: bool,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let folded = folded(&key);
            if !self.free
                && let Some(field) = self.fields.iter().find(|field| folded == field.to_ascii_lowercase())
                && *field != key
            {
                return Err(A::Error::custom(format_args!("the key {key:?} is written {field:?}")));
            }
            let free =
                self.free || ["Labels", "annotations", "Volumes", "ExposedPorts"].contains(&key.as_str());
            if !seen.insert(if self.free { key.clone() } else { folded }) {
                return Err(A::Error::custom(format_args!("it has the key {key:?} twice")));
            }
            map.next_value_seed(Keys { free, ..self })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Go folds two letters outside ASCII into `s` and `k` as well.
fn folded(key: &str) -> String {
    let fold = |letter| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

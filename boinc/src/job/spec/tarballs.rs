//! Prebuilt images that come as files: one, or one for each of several processor architectures.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Digest;

/// A prebuilt image, as `docker save` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tarball {
    /// `image`: its name in the slot.
    pub file: String,
    /// `digest`: the hash of its configuration.
    pub digest: Digest,
}

/// The image archives of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tarballs {
    /// One, for whatever architecture it is.
    One(Tarball),
    /// One for each architecture, by Go's name for it: `amd64`, `arm64`. One file may hold the images of several.
    Each(BTreeMap<String, Tarball>),
}

impl Tarballs {
    /// What an architecture's name is, for messages.
    pub const ARCHITECTURE: &str = "the name of a processor architecture: \"amd64\", \"arm64\"";

    /// Whether this can be the name of an architecture.
    pub fn is_architecture(name: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=20).contains(&name.len()) && name.bytes().all(allowed)
    }

    /// The archives' names in the slot.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let (one, each) = match self {
            Self::One(tarball) => (Some(tarball), None),
            Self::Each(each) => (None, Some(each.values())),
        };
        one.into_iter().chain(each.into_iter().flatten()).map(|tarball| tarball.file.as_str())
    }
}

impl Serialize for Tarballs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        match self {
            Self::One(tarball) => {
                map.serialize_entry("image", &tarball.file)?;
                map.serialize_entry("digest", &tarball.digest)?;
            }
            Self::Each(each) => {
                let files: BTreeMap<_, _> =
                    each.iter().map(|(name, tarball)| (name, &tarball.file)).collect();
                let digests: BTreeMap<_, _> =
                    each.iter().map(|(name, tarball)| (name, &tarball.digest)).collect();
                map.serialize_entry("image", &files)?;
                map.serialize_entry("digest", &digests)?;
            }
        }
        map.end()
    }
}

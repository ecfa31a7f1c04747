//! Names of images, by a strict grammar of our own: what engines would resolve in more than one way is refused.

use std::fmt;

use crate::hex::is_sha256;

/// Longest repository, with its registry.
const MAX_REPOSITORY: usize = 255;

/// `[REGISTRY/]REPOSITORY` with a tag or a digest, never an image ID.
///
/// Displayed as it is given to an engine: always with a tag or a digest, so that no engine can take it for an ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    registry: Option<String>,
    repository: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    Tag(String),
    /// 64 lower-case hex digits. It says everything, so that a tag next to it is dropped.
    Digest(String),
}

/// Why a text is not a name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid image name: {0}")]
pub struct ImageReferenceError(pub(super) String);

impl ImageReference {
    /// Reads `[REGISTRY[:PORT]/]NAME[/NAME…][:TAG][@sha256:DIGEST]`.
    ///
    /// # Errors
    /// When it is anything else, or one of our own images.
    pub fn new(text: &str) -> Result<Self, ImageReferenceError> {
        let refuse = |why: &str| Err(ImageReferenceError(why.to_owned()));
        if text.is_empty() {
            return refuse("it is empty");
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return refuse(&format!("it has the character {c:?}"));
        }
        if text.starts_with("sha256:") {
            return refuse("it is an image ID");
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => match digest.strip_prefix("sha256:").filter(|hex| is_sha256(hex)) {
                Some(hex) => (name, Some(hex)),
                None => return refuse("after @ must follow sha256: and 64 hex digits in lower case"),
            },
            None => (text, None),
        };
        let last_slash = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name[last_slash..].find(':') {
            Some(colon) => (&name[..last_slash + colon], Some(&name[last_slash + colon + 1..])),
            None => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return refuse(
                "a tag is up to 128 letters, digits, \"_\", \".\" and \"-\", not starting with \".\" or \"-\"",
            );
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
            _ => (None, name),
        };
        if registry.is_some_and(|registry| !is_registry(registry)) {
            return refuse("a registry is a host name in lower case, with a port if need be");
        }
        if name.len() > MAX_REPOSITORY || !repository.split('/').all(is_component) {
            return refuse(
                "a repository is lower-case letters and digits, with single \".\", \"_\", \"__\" or \"-\" between them",
            );
        }
        if registry.is_none() && is_sha256(repository) {
            return refuse("it is an image ID");
        }
        let last = repository.rsplit('/').next().unwrap_or(repository);
        if [repository, last].iter().any(|name| name.starts_with("boinc__") || name.starts_with("buoy-")) {
            return refuse("names that start with boinc__ or buoy- belong to images of other science apps");
        }
        let version = match digest {
            Some(hex) => Version::Digest(hex.to_owned()),
            None => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self { registry: registry.map(str::to_owned), repository: repository.to_owned(), version })
    }

    /// The registry, if the name has one.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// The name in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `None` if a digest says which image it is.
    pub fn tag(&self) -> Option<&str> {
        match &self.version {
            Version::Tag(tag) => Some(tag),
            Version::Digest(_) => None,
        }
    }

    /// The digest, `sha256:` and 64 hex digits.
    pub fn digest(&self) -> Option<String> {
        match &self.version {
            Version::Tag(_) => None,
            Version::Digest(hex) => Some(format!("sha256:{hex}")),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Version::Digest(hex) => write!(f, "{}@sha256:{hex}", self.repository),
        }
    }
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| is_lower(b) || b == b'-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0)
        })
}

fn is_component(text: &str) -> bool {
    let mut separator = String::new();
    for b in text.bytes() {
        if is_lower(b) {
            let good =
                matches!(separator.as_str(), "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
            if !good {
                return false;
            }
            separator.clear();
        } else if b"._-".contains(&b) {
            separator.push(b.into());
        } else {
            return false;
        }
    }
    !text.is_empty() && separator.is_empty() && text.bytes().next().is_some_and(is_lower)
}

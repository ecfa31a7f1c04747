//! The name of an image: a hash of all that decides its content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use boinc::hex::hex;
use boinc::platform::is_executable;
use sha2::{Digest, Sha256};

use crate::naming::ImageName;

/// A sha-256 over all that decides an image's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageKey([u8; 32]);

/// A file that goes into the key can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't read {}, which goes into the image", path.display())]
pub struct KeyError {
    path: PathBuf,
    source: io::Error,
}

/// Changed when the same inputs would give another image.
const SCHEME: &str = "buoy image 3";

impl ImageKey {
    /// The key of a built image: Dockerfile, stage to build, context files with names and executable bits, build arguments.
    /// The base image counts by its name in the Dockerfile. The architecture does not count: images are noted for each engine,
    /// which has one.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn of_build(
        dockerfile: &[u8],
        target: Option<&str>,
        files: &[(String, PathBuf)],
        build_args: &BTreeMap<String, String>,
    ) -> Result<Self, KeyError> {
        let mut hash = Fields::new("build");
        hash.field(dockerfile);
        hash.field(target.unwrap_or_default().as_bytes());
        // Without their number a file could pass for a build argument.
        hash.field(&(files.len() as u64).to_le_bytes());
        for (name, path) in files {
            hash.field(name.as_bytes());
            hash.field(&[u8::from(is_executable(path))]);
            hash.field(&file_hash(path)?);
        }
        for (name, value) in build_args {
            hash.field(name.as_bytes());
            hash.field(value.as_bytes());
        }
        Ok(hash.finish())
    }

    /// The key of a prebuilt image: the digest it is checked by.
    pub fn of_tarball(digest: &str) -> Self {
        let mut hash = Fields::new("tarball");
        hash.field(digest.as_bytes());
        hash.finish()
    }

    /// The key as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The image's name, without tag.
    pub fn image_name(&self) -> ImageName {
        ImageName::of_content(&self.0)
    }
}

/// Hashes fields with their lengths, so that no two lists of fields look alike.
struct Fields(Sha256);

impl Fields {
    fn new(kind: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.field(SCHEME.as_bytes());
        fields.field(kind.as_bytes());
        fields
    }

    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> ImageKey {
        ImageKey(self.0.finalize().into())
    }
}

fn file_hash(path: &Path) -> Result<[u8; 32], KeyError> {
    let failed = |source| KeyError { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 128 << 10];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(content: &str, name: &str, args: &[(&str, &str)]) -> ImageKey {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, content).unwrap();
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ImageKey::of_build(b"FROM scratch", None, &[(name.into(), path)], &args).unwrap()
    }

    #[test]
    fn the_same_content_has_the_same_name_wherever_it_lies() {
        assert_eq!(key("x", "a", &[]), key("x", "a", &[]));
    }

    #[test]
    fn whatever_changes_the_image_changes_its_name() {
        let base = key("x", "a", &[]);
        assert_ne!(base, key("y", "a", &[]));
        assert_ne!(base, key("x", "b", &[]));
        assert_ne!(base, key("x", "a", &[("V", "1")]));
        assert_ne!(key("x", "a", &[("p", "q")]), key("x", "a", &[("pq", "")]));
    }
}

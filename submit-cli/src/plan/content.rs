//! Contents of files, and their hashes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use boinc::hex::hex;
use sha2::{Digest, Sha256};

/// The content of a file that is sent to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file on this computer. Relative to the working directory, or absolute; it existed when the plan was made.
    Path(PathBuf),
    /// Text in memory: job.toml, the Dockerfile, long argument lists.
    Bytes(Arc<[u8]>),
}

/// Identifies a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentHash {
    /// Its sha-256: 64 lower-case hex digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// Refuses what is not a regular file: a pipe would be read for ever. Links are followed.
pub(crate) fn is_regular(path: &Path) -> io::Result<()> {
    let kind = path.metadata()?.file_type();
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(io::Error::other("is a directory"))
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// The hash of a content. A file is read once, a piece at a time.
///
/// # Errors
/// The file cannot be read.
pub fn hash(content: &Content) -> io::Result<ContentHash> {
    match content {
        Content::Path(path) => file_hash(path),
        Content::Bytes(bytes) => {
            Ok(ContentHash { sha256: hex(&Sha256::digest(bytes)), bytes: bytes.len() as u64 })
        }
    }
}

fn file_hash(path: &Path) -> io::Result<ContentHash> {
    const PIECE: usize = 256 * 1024;
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(PIECE);
    // One byte more than a small file has, so that its end is seen without a second round.
    let mut buffer = vec![0; PIECE.min(length + 1)];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(ContentHash { sha256: hex(&hasher.finalize()), bytes }),
            n => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_file_and_its_bytes_have_the_same_name() {
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 1, 3, 262_143, 262_144, 262_145, 600_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let path = dir.path().join("file");
            std::fs::write(&path, &bytes).unwrap();
            let of_bytes = hash(&Content::Bytes(Arc::from(bytes))).unwrap();
            assert_eq!(hash(&Content::Path(path)).unwrap(), of_bytes, "{length} bytes");
        }
    }

    #[test]
    fn the_digest_is_the_well_known_one() {
        let abc = Content::Bytes(Arc::from(b"abc".as_slice()));
        assert_eq!(
            hash(&abc).unwrap().sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

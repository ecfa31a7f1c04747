//! A file as it is sent: what was checked, whatever happens to the file meanwhile.
//!
//! A server keeps the first content that it gets under a name for good, so a change half-way through must not reach it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::SubmitError;
use crate::campaign::submitted::FileRow;
use crate::plan::content::Content;
use crate::plan::content::hex;
use crate::project::upload_body::{Upload, UploadBody};

/// Larger files are not held in memory.
const IN_MEMORY: u64 = 16 << 20;

/// The file's content, proven. Large ones are copied into `staging` first.
pub(super) fn take(file: &FileRow, staging: &Path) -> Result<Upload, SubmitError> {
    let body = match &file.content {
        Content::Bytes(bytes) => UploadBody::Bytes(Arc::clone(bytes)),
        Content::Path(path) if file.hash.bytes <= IN_MEMORY => UploadBody::Bytes(read(file, path)?),
        Content::Path(path) => {
            let copy = staging.join(&file.name);
            copy_proven(file, path, &copy)?;
            UploadBody::File(copy, file.hash.bytes)
        }
    };
    Ok(Upload { name: file.name.clone(), body })
}

fn cannot_read(path: &Path) -> impl FnOnce(std::io::Error) -> SubmitError {
    move |source| SubmitError::Read { path: path.to_owned(), source }
}

fn read(file: &FileRow, path: &Path) -> Result<Arc<[u8]>, SubmitError> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.hash.bytes).unwrap_or_default());
    let opened = File::open(path).map_err(cannot_read(path))?;
    // One byte more than there should be shows that it has grown.
    opened.take(file.hash.bytes + 1).read_to_end(&mut bytes).map_err(cannot_read(path))?;
    check(file, path, bytes.len() as u64, &hex(&Sha256::digest(&bytes)))?;
    Ok(Arc::from(bytes))
}

fn copy_proven(file: &FileRow, path: &Path, copy: &Path) -> Result<(), SubmitError> {
    let staging = |doing| move |source| SubmitError::Staging { path: copy.to_owned(), doing, source };
    if let Some(dir) = copy.parent() {
        std::fs::create_dir_all(dir).map_err(staging("create the directory for copies of large files"))?;
    }
    let mut from = File::open(path).map_err(cannot_read(path))?.take(file.hash.bytes + 1);
    let mut to = File::create(copy).map_err(staging("copy a large file before it is sent"))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        match from.read(&mut buffer).map_err(cannot_read(path))? {
            0 => break,
            n => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n]).map_err(staging("write the copy of a large file"))?;
                length += n as u64;
            }
        }
    }
    check(file, path, length, &hex(&hasher.finalize()))
}

fn check(file: &FileRow, path: &Path, length: u64, sha256: &str) -> Result<(), SubmitError> {
    let found = if length < file.hash.bytes {
        format!("it had {} bytes, and has {length}", file.hash.bytes)
    } else if length > file.hash.bytes {
        format!("more than the {} bytes it had", file.hash.bytes)
    } else if sha256 != file.hash.sha256 {
        "same size, different hash".to_owned()
    } else {
        return Ok(());
    };
    Err(SubmitError::FileChanged { path: path.to_owned(), found })
}

/// Removes what a killed submission has left.
pub(super) fn remove_all(staging: &Path) -> Result<(), SubmitError> {
    match std::fs::remove_dir_all(staging) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(SubmitError::Staging {
            path: staging.to_owned(),
            doing: "remove the copies of large files",
            source,
        }),
        _ => Ok(()),
    }
}

/// Removes the copy of a large file once it is sent.
pub(super) fn forget(upload: &Upload) {
    if let UploadBody::File(copy, _) = &upload.body {
        // What stays is removed at the next start.
        let _ = std::fs::remove_file(copy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::content::ContentHash;

    fn row(path: &Path, bytes: &[u8]) -> FileRow {
        FileRow {
            name: "buoy_x".to_owned(),
            hash: ContentHash { sha256: hex(&Sha256::digest(bytes)), bytes: bytes.len() as u64 },
            content: Content::Path(path.to_owned()),
        }
    }

    #[test]
    fn a_file_is_sent_as_it_was_checked_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("input");
        let large = vec![7; (IN_MEMORY + 1) as usize];
        for bytes in [b"abc".as_slice(), &large] {
            std::fs::write(&path, bytes).unwrap();
            let row = row(&path, bytes);
            let upload = take(&row, &dir.path().join("staging")).unwrap();
            let sent = match &upload.body {
                UploadBody::Bytes(bytes) => bytes.to_vec(),
                UploadBody::File(copy, _) => std::fs::read(copy).unwrap(),
            };
            assert!(sent == bytes, "{} bytes", bytes.len());
            forget(&upload);
            assert!(!dir.path().join("staging/buoy_x").exists());

            let mut other = bytes.to_vec();
            other[1] ^= 1;
            for (now, says) in [
                (&other[..], "different hash"),
                (&bytes[1..], "it had"),
                (&[bytes, b"x"].concat(), "more than"),
            ] {
                std::fs::write(&path, now).unwrap();
                let refusal = take(&row, &dir.path().join("staging")).unwrap_err().to_string();
                assert!(refusal.contains("has changed") && refusal.contains(says), "{refusal}");
            }
        }
        std::fs::remove_file(&path).unwrap();
        let refusal = take(&row(&path, b"abc"), dir.path()).unwrap_err();
        assert!(matches!(refusal, SubmitError::Read { .. }), "{refusal}");
    }
}

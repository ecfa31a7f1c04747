//! Output files as a volunteer's computer sent them: absent, malformed and unreadable are three things; and what their
//! path is for others.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use boinc::file_error::if_found;
use boinc::platform::open_no_follow;

use crate::platform::is_link_error;

/// What there is under an output's path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A regular file, open for reading.
    File {
        /// The file.
        file: File,
        /// Its size.
        bytes: u64,
    },
    /// Nothing, in an upload directory that is there.
    Absent,
    /// Something that no volunteer's output can be: the kind, in words.
    Malformed(&'static str),
}

/// Looks at an output without following a link and without waiting for anything.
///
/// An error means that nothing can be said about the output now: the system refuses, or the upload directory
/// itself is not there (a file system that is not mounted).
pub(crate) fn open(path: &Path) -> io::Result<Found> {
    match open_at(path)? {
        Found::Absent => absent(path, ErrorKind::NotFound.into()),
        found => Ok(found),
    }
}

/// Opens a file of ours: regular, and not through a link.
///
/// # Errors
/// It is not there, something else is in its place ([`ErrorKind::InvalidData`]), or the system refuses.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    match open_at(path)? {
        Found::File { file, bytes } => Ok((file, bytes)),
        Found::Absent => Err(ErrorKind::NotFound.into()),
        Found::Malformed(kind) => {
            Err(io::Error::new(ErrorKind::InvalidData, format!("it is a {kind}, not a file")))
        }
    }
}

/// Reads a file of ours of at most `most` bytes.
///
/// # Errors
/// Those of [`open_regular`], or it is larger ([`ErrorKind::InvalidData`]).
pub(crate) fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, bytes) = open_regular(path)?;
    let mut text = Vec::new();
    if bytes <= most {
        file.take(most + 1).read_to_end(&mut text)?;
    }
    if bytes > most || text.len() as u64 > most {
        let why = format!("it has {bytes} bytes, at most {most} are accepted");
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    Ok(text)
}

/// Looks at a path as [`open`] does, whatever is around it.
pub(crate) fn open_at(path: &Path) -> io::Result<Found> {
    let Some(metadata) = if_found(fs::symlink_metadata(path))? else { return Ok(Found::Absent) };
    // Opening a device or a pipe can have effects: look first.
    if !metadata.is_file() {
        return Ok(Found::Malformed(kind(&metadata)));
    }
    let file = match open_no_follow(path) {
        Err(error) if is_link_error(&error) => return Ok(Found::Malformed("symbolic link")),
        opened => opened?,
    };
    // It may have been exchanged in between.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Malformed(kind(&metadata)));
    }
    Ok(Found::File { file, bytes: metadata.len() })
}

/// A directory of the fan-out is made with the first file in it, so it may be missing; the one above may not,
/// nor be empty: then the whole upload directory has gone.
fn absent(path: &Path, error: io::Error) -> io::Result<Found> {
    let Some(parent) = path.parent() else { return Err(error) };
    let is_upload_there = parent.is_dir()
        || parent
            .parent()
            .is_some_and(|top| fs::read_dir(top).is_ok_and(|mut entries| entries.next().is_some()));
    if is_upload_there { Ok(Found::Absent) } else { Err(error) }
}

fn kind(metadata: &fs::Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "symbolic link"
    } else {
        "special file"
    }
}

/// A path that is the same from another working directory. The file itself may be missing or a link, and is not looked
/// at.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let resolved = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    match (resolved, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Mode;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_regular_file_is_an_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "abc").unwrap();
        fs::create_dir(path("dir")).unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink("/nowhere", path("dangling")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), Mode::RUSR).unwrap();
        assert!(matches!(open(&path("file")).unwrap(), Found::File { bytes: 3, .. }));
        assert!(matches!(open(&path("dir")).unwrap(), Found::Malformed("directory")));
        assert!(matches!(open(&path("link")).unwrap(), Found::Malformed("symbolic link")));
        assert!(matches!(open(&path("dangling")).unwrap(), Found::Malformed("symbolic link")));
        assert!(matches!(open(&path("fifo")).unwrap(), Found::Malformed("special file")));
    }

    #[test]
    fn a_missing_upload_directory_is_no_missing_output() {
        let dir = tempfile::tempdir().unwrap();
        let upload = dir.path().join("upload");
        assert!(open(&upload.join("21c/x_0_r1_0")).is_err(), "no upload directory at all");
        fs::create_dir(&upload).unwrap();
        assert!(open(&upload.join("21c/x_0_r1_0")).is_err(), "an empty one: perhaps a mount point");
        fs::create_dir(upload.join("1f4")).unwrap();
        assert!(matches!(open(&upload.join("21c/x_0_r1_0")).unwrap(), Found::Absent));
        assert!(matches!(open(&upload.join("1f4/x_0_r1_0")).unwrap(), Found::Absent));
    }
}

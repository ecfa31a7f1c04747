//! The body of a request: `multipart/form-data`, since PHP reads that without the blow-up of percent signs, with a size
//! that is known beforehand.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ProjectError;
use super::upload_body::{Upload, UploadBody};

const BOUNDARY_BYTES: usize = 38;

/// A request body: the form field `request`, then files.
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    parts: Vec<UploadBody>,
}

impl Multipart {
    /// A body with the field `request` and these files, each with a field name of its own (PHP keeps only the last
    /// file of a name) in the same order.
    pub fn new(request: &str, files: Vec<Upload>) -> Self {
        let boundary = boundary();
        let mut text = head(&boundary, "request", None).into_bytes();
        text.extend_from_slice(request.as_bytes());
        let mut parts = Vec::with_capacity(files.len() * 2 + 1);
        for (n, file) in files.into_iter().enumerate() {
            text.extend_from_slice(b"\r\n");
            text.extend_from_slice(head(&boundary, &field(n), Some(&file.name)).as_bytes());
            parts.push(UploadBody::Bytes(std::mem::take(&mut text).into()));
            parts.push(file.body);
        }
        text.extend_from_slice(tail(&boundary).as_bytes());
        parts.push(UploadBody::Bytes(text.into()));
        Self { boundary, parts }
    }

    /// The header `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Size of the body.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(UploadBody::bytes).sum()
    }

    /// Reads the body once; `sent` gets the bytes that were read since its last call.
    pub fn into_reader(self, sent: Option<&dyn Fn(u64)>) -> Body<'_> {
        Body { parts: self.parts.into_iter(), current: None, sent, fault: None }
    }
}

/// Bytes that the body has besides the request's text and its files.
pub fn frame_bytes() -> u64 {
    let boundary = "-".repeat(BOUNDARY_BYTES);
    (head(&boundary, "request", None).len() + tail(&boundary).len()) as u64
}

/// Bytes that a file adds besides its content.
pub fn file_frame_bytes(name: &str) -> u64 {
    let boundary = "-".repeat(BOUNDARY_BYTES);
    ("\r\n".len() + head(&boundary, &field(0), Some(name)).len()) as u64
}

/// Of one length for up to a million files, so that sizes can be told beforehand.
fn field(n: usize) -> String {
    format!("f{n:06}")
}

fn head(boundary: &str, field: &str, file_name: Option<&str>) -> String {
    match file_name {
        None => format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n"),
        Some(name) => format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        ),
    }
}

fn tail(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}

/// New for each request, so that no file can hold it.
fn boundary() -> String {
    format!("buoy--{:032x}", fastrand::u128(..))
}

/// The body, read once.
pub struct Body<'a> {
    parts: std::vec::IntoIter<UploadBody>,
    current: Option<Reading>,
    sent: Option<&'a dyn Fn(u64)>,
    /// A file that is not what it should be, which has ended the body: a [`ProjectError::LocalFile`].
    pub fault: Option<ProjectError>,
}

enum Reading {
    Bytes(Cursor<Arc<[u8]>>),
    File(SentFile),
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.current {
                None => 0,
                Some(Reading::Bytes(bytes)) => bytes.read(buffer)?,
                Some(Reading::File(file)) => {
                    file.read(buffer).map_err(|fault| keep(&mut self.fault, fault))?
                }
            };
            if read > 0 || buffer.is_empty() {
                if let Some(sent) = self.sent {
                    sent(read as u64);
                }
                return Ok(read);
            }
            self.current = match self.parts.next() {
                None => return Ok(0),
                Some(UploadBody::Bytes(bytes)) => Some(Reading::Bytes(Cursor::new(bytes))),
                Some(UploadBody::File(path, bytes)) => {
                    let opened = SentFile::open(path, bytes).map_err(|fault| keep(&mut self.fault, fault));
                    Some(Reading::File(opened?))
                }
            };
        }
    }
}

fn keep(slot: &mut Option<ProjectError>, fault: ProjectError) -> io::Error {
    let error = io::Error::other(fault.to_string());
    *slot = Some(fault);
    error
}

/// A file that must not change while it goes out: its name on the server is made from its content.
struct SentFile {
    path: PathBuf,
    file: File,
    before: Metadata,
    left: u64,
}

impl SentFile {
    fn open(path: PathBuf, bytes: u64) -> Result<Self, ProjectError> {
        let opened = File::open(&path).and_then(|file| file.metadata().map(|before| (file, before)));
        let (file, before) = opened.map_err(|error| unreadable(&path, &error))?;
        if before.len() != bytes {
            return Err(at(&path, format!("it had {bytes} bytes and now has {}: it changed", before.len())));
        }
        Ok(Self { path, file, before, left: bytes })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ProjectError> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most]);
        let read = read.map_err(|error| unreadable(&self.path, &error))?;
        if read == 0 && self.left > 0 && most > 0 {
            return Err(at(&self.path, "it became shorter while it was uploaded".to_owned()));
        }
        self.left -= read as u64;
        if self.left == 0 {
            let after = self.file.metadata().map_err(|error| unreadable(&self.path, &error))?;
            if after.len() != self.before.len() || after.modified().ok() != self.before.modified().ok() {
                return Err(at(&self.path, "it changed while it was uploaded".to_owned()));
            }
        }
        Ok(read)
    }
}

fn at(path: &Path, reason: String) -> ProjectError {
    ProjectError::LocalFile { path: path.to_owned(), reason }
}

fn unreadable(path: &Path, error: &io::Error) -> ProjectError {
    at(path, format!("failed to read it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(multipart: Multipart) -> (Vec<u8>, Option<ProjectError>) {
        let mut reader = multipart.into_reader(None);
        let mut body = Vec::new();
        let _ = reader.read_to_end(&mut body);
        (body, reader.fault)
    }

    #[test]
    fn the_body_has_the_size_that_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        std::fs::write(&path, "bb").unwrap();
        let files = vec![
            Upload { name: "a".into(), body: UploadBody::Bytes(Arc::from(*b"aaa")) },
            Upload { name: "bb".into(), body: UploadBody::File(path, 2) },
            Upload { name: "empty".into(), body: UploadBody::Bytes(Arc::from(*b"")) },
        ];
        let told = frame_bytes()
            + 5
            + 5
            + file_frame_bytes("a")
            + file_frame_bytes("bb")
            + file_frame_bytes("empty");
        let multipart = Multipart::new("<r/>\n", files);
        let (boundary, bytes) = (multipart.boundary.clone(), multipart.bytes());
        let (body, fault) = read(multipart);
        assert!(fault.is_none());
        let text = String::from_utf8(body).unwrap().replace(&boundary, "B").replace("\r\n", "\n");
        insta::assert_snapshot!(text, @r#"
        --B
        Content-Disposition: form-data; name="request"

        <r/>

        --B
        Content-Disposition: form-data; name="f000000"; filename="a"
        Content-Type: application/octet-stream

        aaa
        --B
        Content-Disposition: form-data; name="f000001"; filename="bb"
        Content-Type: application/octet-stream

        bb
        --B
        Content-Disposition: form-data; name="f000002"; filename="empty"
        Content-Type: application/octet-stream


        --B--
        "#);
        assert_eq!((bytes, boundary.len()), (told, BOUNDARY_BYTES));
    }

    #[test]
    fn a_file_that_is_not_what_it_was_ends_the_body() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        std::fs::write(&path, "bbb").unwrap();
        for (bytes, path, reason) in [
            (2, path.clone(), "it had 2 bytes and now has 3: it changed"),
            (1, dir.path().join("absent"), "failed to read it: No such file or directory (os error 2)"),
        ] {
            let files = vec![Upload { name: "b".into(), body: UploadBody::File(path.clone(), bytes) }];
            let (_, fault) = read(Multipart::new("<r/>\n", files));
            assert_eq!(fault.unwrap().to_string(), format!("{}: {reason}", path.display()));
        }
    }

    #[test]
    fn a_file_that_changes_while_it_goes_out_is_noticed() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        std::fs::write(&path, "bbbb").unwrap();
        let mut file = SentFile::open(path.clone(), 4).unwrap();
        assert_eq!(file.read(&mut [0; 2]).unwrap(), 2);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"b").unwrap();
        let error = file.read(&mut [0; 2]).unwrap_err().to_string();
        assert!(error.ends_with(": it changed while it was uploaded"), "{error}");
    }
}

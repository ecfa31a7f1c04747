//! One connection: reads requests, one after the other.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::request::Request;

/// Apache answers longer heads with an error; no client of ours comes near.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 64;

/// Why there is no further request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The client closed the connection between two requests.
    #[error("closed")]
    Closed,
    /// The client went away in the middle of a request, or the socket failed.
    #[error("the request was cut off")]
    Cut(#[source] io::Error),
    /// This is no HTTP.
    #[error("no HTTP request: {0}")]
    Malformed(String),
}

/// A client's connection with what was read ahead.
pub(crate) struct Connection {
    stream: TcpStream,
    ahead: Vec<u8>,
}

struct Head {
    method: String,
    target: String,
    content_type: String,
    cookies: String,
    length: Option<u64>,
    chunked: bool,
    expects_continue: bool,
    keep_alive: bool,
    bytes: usize,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// Writes all bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next request. A body longer than `keep` bytes is read and thrown away, as PHP does.
    pub(crate) fn request(&mut self, keep: u64) -> Result<Request, ReadError> {
        let head = self.head()?;
        self.ahead.drain(..head.bytes);
        if head.expects_continue {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(ReadError::Cut)?;
        }
        let (body, body_bytes) = if head.chunked {
            self.chunks(keep)?
        } else {
            let length = head.length.unwrap_or(0);
            (self.plain(length, keep)?, length)
        };
        let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
        Ok(Request {
            method: head.method,
            path: path.to_owned(),
            query: query.to_owned(),
            content_type: head.content_type,
            cookies: head.cookies,
            body,
            body_bytes,
            head_bytes: head.bytes as u64,
            keep_alive: head.keep_alive,
        })
    }

    fn head(&mut self) -> Result<Head, ReadError> {
        loop {
            if let Some(head) = parse_head(&self.ahead)? {
                return Ok(head);
            }
            if self.ahead.len() > MAX_HEAD {
                return Err(ReadError::Malformed("head over 64 KiB".to_owned()));
            }
            let begun = !self.ahead.is_empty();
            match self.fill() {
                Ok(0) if !begun => return Err(ReadError::Closed),
                Ok(0) => return Err(ReadError::Cut(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(_) if !begun => return Err(ReadError::Closed),
                Err(error) => return Err(ReadError::Cut(error)),
            }
        }
    }

    fn plain(&mut self, length: u64, keep: u64) -> Result<Vec<u8>, ReadError> {
        let kept = length <= keep;
        let mut body = Vec::new();
        if kept {
            body.reserve_exact(usize::try_from(length).unwrap_or(0));
        }
        let mut left = length;
        while left > 0 {
            if self.ahead.is_empty() {
                self.fill_some()?;
            }
            let take = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if kept {
                body.extend_from_slice(&self.ahead[..take]);
            }
            self.ahead.drain(..take);
            left -= take as u64;
        }
        Ok(body)
    }

    fn chunks(&mut self, keep: u64) -> Result<(Vec<u8>, u64), ReadError> {
        let mut body = Vec::new();
        let mut total = 0;
        loop {
            let size = match httparse::parse_chunk_size(&self.ahead) {
                Ok(httparse::Status::Complete((used, size))) => {
                    self.ahead.drain(..used);
                    size
                }
                Ok(httparse::Status::Partial) => {
                    self.fill_some()?;
                    continue;
                }
                Err(_) => return Err(ReadError::Malformed("bad chunk size".to_owned())),
            };
            total += size;
            let chunk = self.plain(size, keep)?;
            if total <= keep {
                body.extend_from_slice(&chunk);
            } else {
                body.clear();
            }
            while self.ahead.len() < 2 {
                self.fill_some()?;
            }
            self.ahead.drain(..2);
            if size == 0 {
                return Ok((body, total));
            }
        }
    }

    fn fill_some(&mut self) -> Result<(), ReadError> {
        match self.fill() {
            Ok(0) => Err(ReadError::Cut(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(ReadError::Cut(error)),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        const STEP: usize = 64 << 10;
        let filled = self.ahead.len();
        self.ahead.resize(filled + STEP, 0);
        let read = self.stream.read(&mut self.ahead[filled..]);
        self.ahead.truncate(filled + *read.as_ref().unwrap_or(&0));
        read
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(ReadError::Malformed(error.to_string())),
    };
    let mut head = Head {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        content_type: String::new(),
        cookies: String::new(),
        length: None,
        chunked: false,
        expects_continue: false,
        keep_alive: parsed.version == Some(1),
        bytes: length,
    };
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "content-type" => head.content_type = value.to_owned(),
            "content-length" => {
                let length = value.parse();
                head.length =
                    Some(length.map_err(|_| ReadError::Malformed(format!("Content-Length {value}")))?);
            }
            "cookie" => head.cookies = value.to_owned(),
            "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
            "expect" => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            "connection" if value.eq_ignore_ascii_case("close") => head.keep_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => head.keep_alive = true,
            _ => {}
        }
    }
    Ok(Some(head))
}

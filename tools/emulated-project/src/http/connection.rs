//! One connection: reads requests, one after the other.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::request::Request;

/// Apache answers longer heads with an error; no client of ours comes near.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 64;

/// A client's connection with what was read ahead.
pub(crate) struct Connection {
    stream: TcpStream,
    ahead: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// Writes all bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next request: none when the client has gone. What is not HTTP is an error. A body longer than `keep`
    /// bytes is read and thrown away, as PHP does.
    pub(crate) fn request(&mut self, keep: u64) -> Result<Option<Request>, String> {
        let mut request = loop {
            if let Some(request) = parse_head(&self.ahead)? {
                break request;
            }
            if self.ahead.len() > MAX_HEAD {
                return Err("head over 64 KiB".to_owned());
            }
            if !self.fill() {
                return Ok(None);
            }
        };
        self.ahead.drain(..request.head_bytes);
        let mut left = request.body_bytes;
        while left > 0 {
            if self.ahead.is_empty() && !self.fill() {
                return Ok(None);
            }
            let take = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = self.ahead.drain(..take);
            if request.body_bytes <= keep {
                request.body.extend(part);
            }
            left -= take as u64;
        }
        Ok(Some(request))
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> bool {
        const STEP: usize = 64 << 10;
        let filled = self.ahead.len();
        self.ahead.resize(filled + STEP, 0);
        let read = self.stream.read(&mut self.ahead[filled..]).unwrap_or(0);
        self.ahead.truncate(filled + read);
        read > 0
    }
}

/// The line and the headers, if all of them are there; the body is not.
fn parse_head(bytes: &[u8]) -> Result<Option<Request>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head_bytes = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        head_bytes,
        keep_alive: parsed.version == Some(1),
        ..Request::default()
    };
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "content-type" => request.content_type = value.to_owned(),
            "content-length" => {
                request.body_bytes = value.parse().map_err(|_| format!("Content-Length {value}"))?;
            }
            "cookie" => request.cookies = value.to_owned(),
            "connection" => request.keep_alive = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    Ok(Some(request))
}

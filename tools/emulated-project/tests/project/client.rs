//! A client of few lines that shows every byte.

use std::io::{Read, Write};
use std::net::TcpStream;

use emulated_project::EmulatedProject;

/// A reply as it came over the wire.
#[derive(Debug)]
pub struct Reply {
    pub status_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The connection ended before the announced length was reached.
    pub fn is_cut(&self) -> bool {
        self.header("Content-Length").is_some_and(|length| length.parse::<usize>().unwrap() > self.body.len())
    }
}

/// A connection that is used again for each request.
pub struct Client {
    stream: TcpStream,
    base: String,
}

impl Client {
    pub fn new(project: &EmulatedProject) -> Self {
        let rest = project.url().strip_prefix("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        Self { stream: TcpStream::connect(address).unwrap(), base: format!("/{path}") }
    }

    /// Sends a request without waiting for the reply.
    pub fn send(&mut self, method: &str, page: &str, content_type: &str, body: &[u8]) -> std::io::Result<()> {
        let mut bytes = format!(
            "{method} {}{page} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.base,
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes)
    }

    /// The next reply; `None` if the connection ended before its head was complete.
    pub fn receive(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return None,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status_line = lines.next().unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply { status_line, headers, body: Vec::new() };
        if reply.header("Transfer-Encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                if chunk.is_empty() {
                    return Some(reply);
                }
                reply.body.extend_from_slice(&chunk);
            }
            reply.headers.push(("Content-Length".to_owned(), usize::MAX.to_string()));
            return Some(reply);
        }
        let length = reply.header("Content-Length").unwrap().parse().unwrap();
        let mut rest = (&mut self.stream).take(length);
        // A reset in the middle is a cut, too.
        drop(rest.read_to_end(&mut reply.body));
        Some(reply)
    }

    /// The next chunk; empty at the end, `None` if the connection ended before it.
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        while !size.ends_with("\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).ok()?;
            size.push(byte[0] as char);
        }
        let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).unwrap() + 2];
        self.stream.read_exact(&mut chunk).ok()?;
        chunk.truncate(chunk.len() - 2);
        Some(chunk)
    }

    pub fn request(&mut self, method: &str, page: &str, content_type: &str, body: &[u8]) -> Option<Reply> {
        self.send(method, page, content_type, body).ok()?;
        self.receive()
    }

    pub fn get(&mut self, page: &str) -> Reply {
        self.request("GET", page, "", b"").unwrap()
    }

    /// An RPC in a form, url-encoded.
    pub fn rpc(&mut self, message: &str) -> Option<String> {
        self.call("submit_rpc_handler.php", message).map(|reply| reply.text())
    }

    /// A message to one of the two handlers, url-encoded.
    pub fn call(&mut self, page: &str, message: &str) -> Option<Reply> {
        let body = format!("request={}", url_encode(message));
        self.request("POST", page, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// A message to job_file.php with files.
    pub fn upload(&mut self, message: &str, files: &[Part]) -> Option<Reply> {
        let body = multipart(message, files);
        self.request("POST", "job_file.php", "multipart/form-data; boundary=xxBOUNDARYxx", &body)
    }
}

/// A file in a multipart body.
#[derive(Debug, Clone)]
pub struct Part {
    pub field: String,
    pub file_name: String,
    pub content: Vec<u8>,
}

impl Part {
    pub fn new(field: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { field: field.to_owned(), file_name: field.to_owned(), content: content.into() }
    }
}

pub fn multipart(message: &str, files: &[Part]) -> Vec<u8> {
    let mut body =
        format!("--xxBOUNDARYxx\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{message}\r\n")
            .into_bytes();
    for file in files {
        let head = format!(
            "--xxBOUNDARYxx\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            file.field, file.file_name
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xxBOUNDARYxx--\r\n");
    body
}

pub fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

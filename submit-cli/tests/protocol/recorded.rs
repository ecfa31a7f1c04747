//! What a stock server answered.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::server::reply;

/// A request and its reply.
pub struct Pair {
    /// Its name, with `quiet/` where PHP's `display_errors` was off.
    pub name: String,
    /// The request's first line, such as `POST job_file.php`.
    pub line: String,
    /// The request's XML (for an upload, of its first part).
    pub request: String,
    head: String,
    body: Vec<u8>,
}

impl Pair {
    /// The reply as bytes on the wire. One was cut by the server: its length is the one that was told.
    pub fn wire(&self) -> Vec<u8> {
        const CUT: &[u8] = b"\n(the connection ended here: body shorter than Content-Length)\n";
        if let Some(body) = self.body.strip_suffix(CUT) {
            let mut bytes = format!("{}\r\nConnection: close\r\n\r\n", self.head).into_bytes();
            bytes.extend_from_slice(body);
            return bytes;
        }
        let head: Vec<&str> =
            self.head.split("\r\n").filter(|line| !line.starts_with("Content-Length:")).collect();
        reply(&head.join("\r\n"), &self.body)
    }

    /// The request's element, where it has one that can be read.
    pub fn command(&self) -> &str {
        let name = self.request.trim_start().strip_prefix('<').unwrap_or_default();
        &name[..name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len())]
    }
}

/// All pairs, by name.
pub fn pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(read)
}

fn read() -> Vec<Pair> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/emulated-project/tests/recorded");
    let mut pairs: Vec<Pair> = ["", "quiet"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(root.join(dir)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "reply"))
        .map(|path| pair(&root, path))
        .collect();
    pairs.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(pairs.len() >= 173, "{} pairs", pairs.len());
    pairs
}

/// The pair with this name.
pub fn named(name: &str) -> &'static Pair {
    pairs().iter().find(|pair| pair.name == name).unwrap()
}

fn pair(root: &Path, path: PathBuf) -> Pair {
    let name = path.strip_prefix(root).unwrap().with_extension("").display().to_string();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().replace('\n', "\r\n");
    let request = std::fs::read_to_string(path.with_extension("request")).unwrap();
    let (head_lines, body) = request.split_once("\n\n").unwrap_or((&request, ""));
    let line = head_lines.lines().next().unwrap().to_owned();
    let body = match body.split_once("part 1: name=\"request\", value:\n") {
        Some((_, parts)) => parts.split("\npart 2:").next().unwrap(),
        None => body,
    };
    Pair { name, line, request: body.to_owned(), head, body: bytes[end + 2..].to_vec() }
}

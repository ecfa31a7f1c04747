//! A request that was read whole.

use super::percent::percent_decode;

/// A request: line, the headers that matter, body.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query string, as sent.
    pub(crate) path: String,
    /// The query string, undecoded.
    pub(crate) query: String,
    pub(crate) content_type: String,
    pub(crate) cookies: String,
    pub(crate) body: Vec<u8>,
    /// The body's length on the wire; more than `body` holds when it was over the limit and thrown away.
    pub(crate) body_bytes: u64,
    /// Bytes of line and headers.
    pub(crate) head_bytes: usize,
    pub(crate) keep_alive: bool,
}

impl Request {
    /// The last value of a GET parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.rfind(|(key, _)| text(key) == name).map(|(_, value)| text(value))
    }

    /// A cookie's value, decoded.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let pairs = self.cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| text(value)).next()
    }
}

fn text(encoded: &str) -> String {
    String::from_utf8_lossy(&percent_decode(encoded.as_bytes())).into_owned()
}

//! What `--verbose` shows of a request: no body, no header, and no query that proves who is asking.

use std::time::Instant;

use reqwest::{Method, Url};
use tracing::{debug, info};

use super::authenticator::PROOF;
use super::error::ProjectError;
use super::scrub::Scrubber;

/// A request that was started, until its reply is there or given up.
pub(super) struct RequestLog {
    method: Method,
    url: String,
    name: Option<String>,
    sent_bytes: u64,
    started: Instant,
}

impl RequestLog {
    /// `name` tells requests to one page apart.
    pub(super) fn start(
        method: Method,
        url: &Url,
        name: Option<&str>,
        sent_bytes: u64,
        secret: &Scrubber,
    ) -> Self {
        let log = Self {
            method,
            url: shown(url, secret),
            name: name.map(str::to_owned),
            sent_bytes,
            started: Instant::now(),
        };
        debug!(method = %log.method, url = log.url, name = log.name, sent_bytes, "request started");
        log
    }

    /// Reports how many bytes were received, or why there is no whole reply.
    pub(super) fn end(self, status: Option<u16>, received: Result<u64, &ProjectError>) {
        info!(
            method = %self.method,
            url = self.url,
            name = self.name,
            status,
            sent_bytes = self.sent_bytes,
            received_bytes = received.ok(),
            error = received.err().map(display),
            seconds = self.started.elapsed().as_secs_f64(),
            "request"
        );
    }
}

fn shown(url: &Url, secret: &Scrubber) -> String {
    let mut shown = url.clone();
    if url.query().is_some() {
        let pairs = url.query_pairs().map(|(key, value)| {
            let value = if key == PROOF { "hidden".into() } else { value };
            (key, value)
        });
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    secret.shown(shown.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_who_is_asking_is_not_shown() {
        let key = "157f96a018b0b2f2b466e2ce3c7f54db";
        let scrubber = Scrubber::new([key]);
        let show = |text: &str| shown(&Url::parse(text).unwrap(), &scrubber);
        assert_eq!(
            show(&format!("https://p.example/get_output.php?cmd=result_file&file_num=0&auth_str={key}")),
            "https://p.example/get_output.php?cmd=result_file&file_num=0&auth_str=hidden"
        );
        assert_eq!(
            show(&format!("https://p.example/x.php?a={key}")),
            "https://p.example/x.php?a=(authenticator)"
        );
        assert_eq!(show("https://p.example/x.php"), "https://p.example/x.php");
    }
}

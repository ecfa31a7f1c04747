//! What `--verbose` shows of a request: no body, no header, and no query that proves who is asking.

use std::time::Instant;

use tracing::{debug, info};

use super::address::PageUrl;
use super::error::ProjectError;
use super::scrub::Scrubber;

/// A request that was started, until its reply is there or given up.
pub(super) struct RequestLog {
    method: &'static str,
    url: String,
    name: Option<String>,
    sent_bytes: u64,
    started: Instant,
}

impl RequestLog {
    /// `name` tells requests to one page apart.
    pub(super) fn start(
        method: &'static str,
        url: &PageUrl,
        name: Option<&str>,
        sent_bytes: u64,
        secret: &Scrubber,
    ) -> Self {
        let log = Self {
            method,
            url: secret.shown(&url.without_proof()),
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

#[cfg(test)]
mod tests {
    use super::super::address::{PlainHttp, ProjectUrl};
    use super::super::authenticator::PROOF;
    use super::*;

    #[test]
    fn what_proves_who_is_asking_is_not_shown() {
        let key = "157f96a018b0b2f2b466e2ce3c7f54db";
        let scrubber = Scrubber::new([key]);
        let show = |url: PageUrl| scrubber.shown(&url.without_proof());
        let project = ProjectUrl::parse("https://p.example/", PlainHttp::Refuse).unwrap();
        let url = project.join("get_output.php").with("cmd", "result_file").with("file_num", "0");
        assert_eq!(
            show(url.with(PROOF, key)),
            "https://p.example/get_output.php?cmd=result_file&file_num=0&auth_str=hidden"
        );
        assert_eq!(show(project.join("x.php").with("a", key)), "https://p.example/x.php?a=(authenticator)");
        assert_eq!(show(project.join("x.php")), "https://p.example/x.php");
    }
}

//! Replies that do not arrive whole.

use std::sync::OnceLock;

use proptest::prelude::*;

use submit_cli::project::client::ProjectClient;

use crate::recorded::{Pair, named, pairs};
use crate::replies::outcome;
use crate::server::{Server, ok};

fn good() -> &'static [&'static Pair] {
    static GOOD: OnceLock<Vec<&Pair>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let server = Server::new();
        let client = server.client();
        let good = |pair: &&Pair| {
            server.plan(pair.wire());
            outcome(&client, pair).starts_with("Ok")
        };
        pairs().iter().filter(good).collect()
    })
}

/// One server and client for all cases of a test; each test is a process or has its turn.
fn shared() -> (&'static Server, &'static ProjectClient) {
    static SERVER: OnceLock<(Server, ProjectClient)> = OnceLock::new();
    let shared = SERVER.get_or_init(|| {
        let server = Server::new();
        let client = server.client();
        (server, client)
    });
    (&shared.0, &shared.1)
}

/// The reply with its body cut, as an honest server that says so, or one that only says when it ends.
fn cut(wire: &[u8], share: f64, told: bool) -> Option<Vec<u8>> {
    let start = wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = &wire[start..];
    let text = String::from_utf8_lossy(body);
    // White space after the element's end may be missing.
    let end = if told { body.len() } else { text.trim_end().len() };
    if end == 0 {
        return None;
    }
    let at = ((end as f64) * share) as usize;
    let mut head = String::from_utf8(wire[..start].to_vec()).unwrap();
    if !told {
        head = head.split_inclusive("\r\n").filter(|line| !line.starts_with("Content-Length:")).collect();
    }
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body[..at.min(end - 1)]);
    Some(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_reply_that_is_cut_anywhere_is_no_success(n in any::<prop::sample::Index>(), share in 0.0..1.0, told in any::<bool>()) {
        let good = good();
        let pair = good[n.index(good.len())];
        // Without its length, half a file looks like a file: BOINC's code always tells it.
        prop_assume!(told || !pair.line.contains("get_output"));
        let Some(wire) = cut(&pair.wire(), share, told) else { return Ok(()) };
        let (server, client) = shared();
        server.plan(wire);
        let outcome = outcome(client, pair);
        server.asked();
        prop_assert!(!outcome.starts_with("Ok"), "{}: {}", pair.name, outcome);
        prop_assert!(outcome.contains("maybe done"), "{}: {}", pair.name, outcome);
    }

    #[test]
    fn no_body_makes_us_panic(body in "(<[/]?[a-z_]{0,9}>|&[a-z#0-9]{0,4};?|[a-z0-9 \\PC]|<query_batch>|</query_batch>|<name>|</name>|<app_name>|<job>|<error_msg>|</error_msg>){0,30}") {
        let (server, client) = shared();
        for name in ["query_batch", "query_batches", "query_batch2", "query_job-failed", "query_completed_job-done", "submit_batch"] {
            let pair = named(name);
            let tag = pair.command();
            server.plan(ok(&format!("<?xml version=\"1.0\"?>\n<{tag}>{body}</{tag}>")));
            let _ = outcome(client, pair);
        }
    }
}

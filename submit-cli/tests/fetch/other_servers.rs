//! Web servers that differ from the emulated one: without a program to make zips, or that send a part of a file when asked
//! for it. A proxy before the emulated project makes the difference.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use emulated_project::Fault;
use submit_cli::project::address::{PlainHttp, ProjectUrl};
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::options::ClientOptions;

use crate::support::{AUTHENTICATOR, Bench, Outputs, Told, expected, outputs};

/// Stands between the client and the project until the test process ends; counts bytes of files that it sent.
fn put_proxy_before(bench: &mut Bench) -> Arc<AtomicU64> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let there = bench.project.url().split('/').nth(2).unwrap().to_owned();
    let url = bench.project.url().replace(&there, &here);
    bench.client = ProjectClient::new(
        ProjectUrl::parse(&url, PlainHttp::Refuse).unwrap(),
        Authenticator::parse(AUTHENTICATOR).unwrap(),
        ClientOptions::default(),
    )
    .unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (there, counter) = (there.clone(), Arc::clone(&counter));
            // A connection that breaks is the client's to notice.
            std::thread::spawn(move || pass_on(stream?, &there, &counter));
        }
    });
    sent
}

fn pass_on(mut client: TcpStream, there: &str, sent: &AtomicU64) -> std::io::Result<()> {
    let (head, body) = message(&mut client)?;
    if head.contains("cmd=workunit_files") {
        return client.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=a.zip\r\n\
              Content-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
    let mut server = TcpStream::connect(there)?;
    let kept = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    let asked: Vec<&str> = head.trim_end().lines().filter(kept).collect();
    write!(server, "{}\r\nConnection: close\r\n\r\n", asked.join("\r\n"))?;
    server.write_all(&body)?;
    let mut reply = Vec::new();
    server.read_to_end(&mut reply)?;
    let from = head
        .to_ascii_lowercase()
        .split_once("range: bytes=")
        .and_then(|(_, rest)| rest.split('-').next().and_then(|from| from.parse::<usize>().ok()));
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n").map_or(reply.len(), |at| at + 4);
    let (head, body) = reply.split_at(end);
    if head.windows(12).any(|window| window.eq_ignore_ascii_case(b"octet-stream")) {
        sent.fetch_add((body.len() - from.unwrap_or(0).min(body.len())) as u64, Ordering::Relaxed);
    }
    match from {
        Some(from) if from < body.len() => {
            write!(
                client,
                "HTTP/1.1 206 Partial Content\r\nContent-Disposition: attachment\r\nContent-Length: {}\r\n\
                 Content-Range: bytes {from}-{}/{}\r\nConnection: close\r\n\r\n",
                body.len() - from,
                body.len() - 1,
                body.len()
            )?;
            client.write_all(&body[from..])
        }
        _ => client.write_all(&reply),
    }
}

/// Head and body of a request.
fn message(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

#[test]
fn a_server_without_zips_gives_files_one_by_one_and_is_asked_for_a_zip_once() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    bench.finish(&["a", "b", "c"]);
    put_proxy_before(&mut bench);
    let mut options = bench.options();
    options.parallel = 1;
    let mut told = Told::default();
    assert_eq!(bench.fetch_with(&options, &mut told).unwrap().fetched, 3);
    assert_eq!(outputs(bench.files()), expected(&["a", "b", "c"]));
    assert_eq!(told.notes, ["the server makes no zips: outputs come one by one"]);
    assert_eq!(bench.project.requests().count("get_output"), 6);
}

#[test]
fn a_server_that_sends_parts_is_asked_for_the_rest_only() {
    let mut bench = Bench::with(&["a"], Outputs::Kept, 1 << 30);
    bench.finish(&["a"]);
    bench.project.faults().on("get_output", 1, Fault::CutAfter(60_000));
    let mut once = bench.options();
    once.retry.tries = 1;
    assert_eq!(bench.fetch_with(&once, &mut Told::default()).unwrap().remaining, 1);
    let incoming = bench.results().join(".buoy/incoming");
    let part = std::fs::read_dir(incoming).unwrap().next().unwrap().unwrap().metadata().unwrap().len();
    let sent = put_proxy_before(&mut bench);
    assert_eq!(bench.fetch().unwrap().fetched, 1);
    assert_eq!(outputs(bench.files()), expected(&["a"]));
    let log = b"log of a".len() as u64;
    assert_eq!(sent.load(Ordering::Relaxed), 100_000 - part + log);
}

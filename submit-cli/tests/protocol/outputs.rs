//! Downloads: whole, resumed, cut, and pages that say why there is no file.

use std::io::{self, Write};

use submit_cli::project::error::ProjectError;
use submit_cli::project::protocol::id::WorkunitId;
use submit_cli::project::protocol::output::Downloaded;

use crate::server::{KEY, Server, reply};

const FILE: &str = "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=x\r\nContent-Type: application/octet-stream";

fn part(range: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Disposition: attachment; filename=x\r\nContent-Range: bytes {range}"
    );
    reply(&head, body)
}

/// Downloads from a byte on, and gives what was written.
fn download(server: &Server, from: u64) -> (Result<Downloaded, ProjectError>, Vec<u8>) {
    let mut written = Vec::new();
    let done = server.client().download_output("job_0", 1, from, &mut written);
    (done, written)
}

#[test]
fn the_request_proves_who_we_are_without_telling_the_authenticator() {
    let server = Server::with([reply(FILE, b"x"), reply(FILE, b"zip")]);
    let client = server.client();
    client.download_output("keep_1_0", 0, 0, &mut Vec::new()).unwrap();
    client.download_workunit_zip(WorkunitId(13), &mut Vec::new()).unwrap();
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    GET /buoytest/get_output.php?cmd=result_file&result_name=keep_1_0&file_num=0&auth_str=30c9751dfd42d0c86a662003101e3282 HTTP/1.1
    GET /buoytest/get_output.php?cmd=workunit_files&wu_id=13&auth_str=96b543c8836b3ad4225a40fbd8fcc0b0 HTTP/1.1
    ");
    assert!(asked.iter().all(|asked| !asked.whole().contains(KEY)));
}

#[test]
fn a_download_goes_on_where_it_was_if_the_server_can() {
    let server = Server::with([part("4-9/10", b"456789")]);
    let (done, written) = download(&server, 4);
    assert_eq!(done.unwrap(), Downloaded { total_bytes: 10, written_bytes: 6, resumed: true });
    assert_eq!(written, b"456789");
    assert!(server.asked()[0].headers.contains(&"range: bytes=4-".to_owned()));
}

#[test]
fn a_server_that_sends_all_again_is_read_from_there() {
    let server = Server::with([reply(FILE, b"0123456789")]);
    let (done, written) = download(&server, 4);
    assert_eq!(done.unwrap(), Downloaded { total_bytes: 10, written_bytes: 6, resumed: false });
    assert_eq!(written, b"456789");
}

#[test]
fn an_error_page_that_was_cut_for_the_range_is_asked_for_whole() {
    let cut =
        reply("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-25/26", b"R: no such file /upload");
    let beyond = reply("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */26", b"");
    for first in [cut, beyond] {
        let whole = reply("HTTP/1.1 200 OK\r\nContent-Type: text/html", b"ERROR: no such file /upload/x");
        let server = Server::with([first, whole]);
        let (done, written) = download(&server, 4);
        let error = done.unwrap_err();
        assert!(matches!(&error, ProjectError::NoSuchOutput { .. }), "{error:?}");
        assert!(error.help().unwrap().contains("<no_delete/>"));
        assert!(written.is_empty());
        server.asked();
    }
}

#[test]
fn a_file_that_is_here_whole_needs_nothing() {
    let beyond = reply("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10", b"");
    let server = Server::with([beyond, reply(FILE, b"0123456789")]);
    let (done, written) = download(&server, 10);
    assert_eq!(done.unwrap(), Downloaded { total_bytes: 10, written_bytes: 0, resumed: false });
    assert!(written.is_empty());
}

#[test]
fn a_file_that_is_shorter_than_what_is_here_is_another_one() {
    let server = Server::with([reply(FILE, b"0123")]);
    let (done, written) = download(&server, 9);
    assert!(done.unwrap_err().to_string().contains("4 bytes, fewer than the 9"));
    assert!(written.is_empty());
}

#[test]
fn a_connection_that_ends_early_leaves_what_came() {
    let mut short = reply(FILE, b"0123456789");
    short.truncate(short.len() - 3);
    let mut part = part("4-9/10", b"456789");
    part.truncate(part.len() - 2);
    for (wire, from, came) in [(short.clone(), 0, &b"0123456"[..]), (short, 4, b"456"), (part, 4, b"4567")] {
        let server = Server::with([wire]);
        let (done, written) = download(&server, from);
        let error = done.unwrap_err();
        assert!(matches!(error, ProjectError::LostReply { .. }) && error.try_again(), "{error:?}");
        assert_eq!(written, came);
        assert!(!error.to_string().contains("auth_str"), "{error}");
    }
}

#[test]
fn a_full_disk_is_told_from_a_lost_connection() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = Server::with([reply(FILE, b"0123456789")]);
    let error = server.client().download_output("job_0", 0, 0, &mut Full).unwrap_err();
    assert!(matches!(error, ProjectError::Write(_)) && !error.try_again(), "{error:?}");
}

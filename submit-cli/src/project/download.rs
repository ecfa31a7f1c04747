//! Outputs on their way back (`html/user/get_output.php`).

use std::io::{Read, Write};

use boinc::hex::hex;
use md5::{Digest, Md5};
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, HeaderName};

use super::address::PageUrl;
use super::authenticator::Authenticator;
use super::error::ProjectError;
use super::protocol::output::Downloaded;
use super::reply;
use super::request_log::RequestLog;
use super::scrub::Scrubber;
use super::transport::{Response, Transport, read_failure};

/// What proves to the server that the asker owns a thing: md5 of authenticator and the thing's name or number.
pub fn proof(secret: &Authenticator, name: &str) -> String {
    let mut md5 = Md5::new();
    md5.update(secret.expose());
    md5.update(name);
    hex(&md5.finalize())
}

/// Writes a file from byte `from` on.
///
/// BOINC's code sends files whole; whether the web server cuts them for a `Range` depends on the server. So one that does
/// not is sent to the end, and what we have is left out.
///
/// # Errors
/// See [`super::client::ProjectClient::download_output`].
pub fn download(
    transport: &Transport,
    url: &PageUrl,
    what: &str,
    from: u64,
    to: &mut dyn Write,
    secret: &Scrubber,
) -> Result<Downloaded, ProjectError> {
    if from > 0 {
        let (response, log) = transport.open(url, Some(from))?;
        let resumed = range(&response).filter(|(start, _)| *start == from && is_file(&response));
        match (response.status(), resumed) {
            (StatusCode::PARTIAL_CONTENT, Some((_, total))) => {
                let expected = total.checked_sub(from);
                let status = response.status();
                let written = copy(url, response, expected, to);
                let downloaded = written.map(|written_bytes| Downloaded {
                    total_bytes: total,
                    written_bytes,
                    resumed: true,
                });
                return end(log, status, downloaded);
            }
            // A page that says "ERROR" is cut as well; only the whole one can be read.
            (status @ (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE), _) => {
                log.end(Some(status.as_u16()), Ok(0));
            }
            (status, _) => {
                return end(log, status, whole(transport, url, response, what, from, to, secret));
            }
        }
    }
    let (response, log) = transport.open(url, None)?;
    let status = response.status();
    end(log, status, whole(transport, url, response, what, from, to, secret))
}

fn end(
    log: RequestLog,
    status: StatusCode,
    downloaded: Result<Downloaded, ProjectError>,
) -> Result<Downloaded, ProjectError> {
    log.end(Some(status.as_u16()), downloaded.as_ref().map(|downloaded| downloaded.written_bytes));
    downloaded
}

fn whole(
    transport: &Transport,
    url: &PageUrl,
    mut response: Response,
    what: &str,
    from: u64,
    to: &mut dyn Write,
    secret: &Scrubber,
) -> Result<Downloaded, ProjectError> {
    if response.status() != StatusCode::OK || !is_file(&response) {
        let answer = transport.read(url, response)?;
        return Err(reply::no_file(&answer, what, secret));
    }
    let length = header(&response, CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let skipped = skip(url, &mut response, from)?;
    if skipped < from {
        let reason = format!(
            "the file has {skipped} bytes, fewer than the {from} that are here: download it from scratch"
        );
        return Err(ProjectError::UnparsableReply { request: what.to_owned(), reason });
    }
    let written_bytes = copy(url, response, length.map(|length| length.saturating_sub(from)), to)?;
    Ok(Downloaded { total_bytes: from + written_bytes, written_bytes, resumed: false })
}

/// Errors are pages with HTTP status 200 too; a file comes as an attachment.
fn is_file(response: &Response) -> bool {
    response.headers().contains_key(CONTENT_DISPOSITION)
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// First byte and whole size of `Content-Range: bytes 5-9/10`.
fn range(response: &Response) -> Option<(u64, u64)> {
    let (bytes, total) = header(response, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = bytes.split_once('-')?;
    let (start, end, total): (u64, u64, u64) = (start.parse().ok()?, end.parse().ok()?, total.parse().ok()?);
    (end.checked_add(1)? == total && start <= end).then_some((start, total))
}

fn skip(url: &PageUrl, response: &mut Response, bytes: u64) -> Result<u64, ProjectError> {
    std::io::copy(&mut response.body_mut().as_reader().take(bytes), &mut std::io::sink())
        .map_err(|error| lost(url, &read_failure(error)))
}

/// Copies to the end; tells a lost connection from a full disk.
fn copy(
    url: &PageUrl,
    mut from: Response,
    expected: Option<u64>,
    to: &mut dyn Write,
) -> Result<u64, ProjectError> {
    let mut from = from.body_mut().as_reader();
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(lost(url, &format!("{} after {written} bytes", read_failure(error)))),
        };
        if read == 0 {
            break;
        }
        to.write_all(&buffer[..read]).map_err(ProjectError::Write)?;
        written += read as u64;
    }
    to.flush().map_err(ProjectError::Write)?;
    match expected {
        Some(expected) if expected != written => {
            Err(lost(url, &format!("ended after {written} of {expected} bytes")))
        }
        _ => Ok(written),
    }
}

fn lost(url: &PageUrl, reason: &str) -> ProjectError {
    ProjectError::LostReply { url: url.page().to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_recorded_requests() {
        let secret = Authenticator::parse(&"0".repeat(32)).unwrap();
        assert_eq!(proof(&secret, "keep_1_0"), "30c9751dfd42d0c86a662003101e3282");
    }
}

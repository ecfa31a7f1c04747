//! What a reply of BOINC's web code means. The reasons for reading it as text first and as XML second: errors come with
//! HTTP status 200, PHP's notes stand in between as HTML, a fatal error ends a reply in the middle, names and SQL stand in
//! it as they are.

use std::borrow::Cow;
use std::time::Duration;

use boinc::entity::unescape_html;

use super::error::{ProjectError, SHOWN_CHARACTERS};
use super::scrub::Scrubber;
use super::xml::{between, number};

/// Numbers of errors that mean "later" (`html/inc/xml.inc`, `html/inc/boinc_db.inc`): database, project down.
const CLOSED: [i64; 2] = [-138, -183];

/// A reply as it came.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The page, without a query.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// Header `Location`, made absolute.
    pub location: Option<String>,
    /// Header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Header `Date`, seconds since 1970.
    pub date: Option<i64>,
    /// The body.
    pub body: Vec<u8>,
}

/// What was asked, for telling what a reply is about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The request's element, such as `create_batch`.
    pub request: &'a str,
    /// What it was about: app, batch, job.
    pub subject: &'a str,
    /// Size of its body.
    pub bytes: u64,
    /// How many files were with it.
    pub files: usize,
}

/// The inside of the reply's element, or why the request failed.
///
/// # Errors
/// Each [`ProjectError`] that a server can give.
pub fn judge<'a>(
    answer: &'a Answer,
    asked: &Asked<'_>,
    secret: &Scrubber,
) -> Result<Cow<'a, str>, ProjectError> {
    by_status(answer, asked, secret)?;
    let text = String::from_utf8_lossy(&answer.body);
    if let Some((number, message)) = error_message(&text) {
        return Err(refusal(number, &message, answer, asked, secret));
    }
    let (open, close) = (format!("<{}>", asked.request), format!("</{}>", asked.request));
    let fatal = fatal_error(&text);
    if let (Some(start), Some(end)) = (text.find(&open), text.rfind(&close)) {
        let start = start + open.len();
        if answer.status < 300 && fatal.is_none_or(|at| at < end) && start <= end {
            return Ok(match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
                Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
            });
        }
    }
    if let Some(at) = fatal {
        return Err(broken_off(&text[at..], asked, secret));
    }
    Err(incomplete(answer, &text, &open, asked, secret))
}

/// The inside of a page's element, for a page that belongs to every project.
///
/// # Errors
/// As [`judge`]; `NotBoinc` where the page is something else.
pub fn judge_page<'a>(
    answer: &'a Answer,
    asked: &Asked<'_>,
    secret: &Scrubber,
) -> Result<Cow<'a, str>, ProjectError> {
    let text = String::from_utf8_lossy(&answer.body);
    match judge(answer, asked, secret) {
        // Whatever begins like XML and goes on as something else is another site's, not a project's that was cut.
        Err(ProjectError::LostReply { url, .. }) if text.len() > 100 && !text.contains("<project_config") => {
            Err(ProjectError::NotBoinc { url, found: "other XML".to_owned() })
        }
        Err(ProjectError::Refused { message, .. }) if answer.status >= 400 => {
            Err(ProjectError::NotBoinc { url: answer.url.clone(), found: message })
        }
        Err(ProjectError::UnparsableReply { reason, .. }) => {
            let found = reason.trim_start_matches("found ").to_owned();
            Err(ProjectError::NotBoinc { url: answer.url.clone(), found })
        }
        other => other,
    }
}

/// A page for people.
///
/// # Errors
/// It is not there, or the project is closed.
pub fn judge_html<'a>(
    answer: &'a Answer,
    asked: &Asked<'_>,
    secret: &Scrubber,
) -> Result<Cow<'a, str>, ProjectError> {
    by_status(answer, asked, secret)?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status >= 500 || says_closed(&text) || text.trim().is_empty() {
        return Err(incomplete(answer, &text, "<html", asked, secret));
    }
    Ok(text)
}

/// Why `get_output.php` sent no file.
pub fn no_file(answer: &Answer, what: &str, secret: &Scrubber) -> ProjectError {
    let asked = Asked { request: "get_output.php", subject: what, bytes: 0, files: 0 };
    if let Err(error) = by_status(answer, &asked, secret) {
        return error;
    }
    let text = String::from_utf8_lossy(&answer.body);
    if let Some(at) = fatal_error(&text) {
        return broken_off(&text[at..], &asked, secret);
    }
    match text.trim().strip_prefix("ERROR: ") {
        Some("bad authenticator" | "bad auth str") => ProjectError::BadAuthenticator,
        Some(message) => ProjectError::NoSuchOutput {
            what: what.to_owned(),
            message: shown(&unescape_html(message), secret),
        },
        None if text.trim() == "bad command" => {
            ProjectError::Refused { request: asked.request.to_owned(), message: "bad command".to_owned() }
        }
        None => incomplete(answer, &text, "ERROR:", &asked, secret),
    }
}

/// What a status alone tells.
fn by_status(answer: &Answer, asked: &Asked<'_>, secret: &Scrubber) -> Result<(), ProjectError> {
    let url = answer.url.clone();
    match answer.status {
        300..=399 => {
            let to = answer.location.as_deref().unwrap_or("(no address)");
            Err(ProjectError::Redirected { to: secret.shown(project_address(to)), url })
        }
        408 => Err(ProjectError::LostReply { url, reason: "HTTP status 408".to_owned() }),
        413 => Err(ProjectError::RequestTooLarge { bytes: asked.bytes }),
        429 => Err(ProjectError::Maintenance {
            message: "too many requests (HTTP status 429)".to_owned(),
            retry_after: answer.retry_after,
        }),
        status @ (404 | 410) => Err(ProjectError::NotBoinc { url, found: format!("HTTP status {status}") }),
        // A web server's own rules, such as those against attacks, refuse a project's page too.
        status @ 400..=499 => Err(ProjectError::Refused {
            request: asked.request.to_owned(),
            message: format!("HTTP status {status}"),
        }),
        _ => Ok(()),
    }
}

/// The part of an address that is a project's: without the page and the query.
fn project_address(location: &str) -> &str {
    let location = location.split(['?', '#']).next().unwrap_or(location);
    match location.rsplit_once('/') {
        Some((project, page)) if page.ends_with(".php") => &location[..=project.len()],
        _ => location,
    }
}

/// The number and text of an `<error>`, where the reply has a whole one. With RPC_DEBUG on the server, PHP's warnings look
/// alike, but have a type and no number.
fn error_message(text: &str) -> Option<(i64, String)> {
    let at = text.find("<error_msg>")?;
    let before = text[..at].rfind("<error>").map(|start| &text[start..at]);
    let code = before.and_then(|before| number(before, "error_num"));
    let message = &text[at + "<error_msg>".len()..];
    let message = &message[..message.rfind("</error_msg>")?];
    if code.is_none() && text[at..].contains("</error_msg>\n    <type>") {
        return None;
    }
    Some((code.unwrap_or(-1), unescape_html(message.trim())))
}

fn fatal_error(text: &str) -> Option<usize> {
    text.find("<b>Fatal error</b>:").or_else(|| text.find("<b>Parse error</b>:"))
}

/// What a caller does about an error message. The texts are those of `html/user/submit_rpc_handler.php`, `job_file.php`,
/// `html/inc/submit_util.inc` and `tools/create_work.cpp`.
fn refusal(
    number: i64,
    message: &str,
    answer: &Answer,
    asked: &Asked<'_>,
    secret: &Scrubber,
) -> ProjectError {
    let shown = shown(message, secret);
    let request = asked.request.to_owned();
    let subject = asked.subject.to_owned();
    if CLOSED.contains(&number) {
        return ProjectError::Maintenance { message: shown, retry_after: answer.retry_after };
    }
    if let Some(message) = message.strip_prefix("create_work failed:") {
        return create_work(message, shown, secret);
    }
    match message {
        "bad authenticator" | "no authenticator" => return ProjectError::BadAuthenticator,
        "no submit access" => return ProjectError::NoPermission { app_name: subject },
        "no file access" => return ProjectError::NoFileAccess,
        "no such batch" | "batch not specified" => return ProjectError::NoSuchBatch { batch: subject },
        "no such job" => return ProjectError::NoSuchJob { job: subject },
        "batch not in init state" => return ProjectError::WrongBatchState,
        "bad filename" | "bad FILES filename" => return ProjectError::BadFilename,
        "limit on jobs in progress exceeded" => return ProjectError::JobLimit,
        "can't parse request message:" => return ProjectError::RequestTooLarge { bytes: asked.bytes },
        _ => {}
    }
    let after = |prefix: &str| message.strip_prefix(prefix).map(|rest| shown_part(rest, secret));
    if let Some(app_name) = after("app not found: ") {
        return ProjectError::UnknownApp { app_name };
    }
    if let Some(batch) = after("no batch named ").or_else(|| after("no batch ")) {
        return ProjectError::NoSuchBatch { batch };
    }
    if let Some(job) = after("no job ").or_else(|| after("job not found: ")) {
        return ProjectError::NoSuchJob { job };
    }
    if message.starts_with("not owner") {
        return ProjectError::NotOwner { request };
    }
    if let Some(name) = after("file immutability violation for ") {
        return ProjectError::Immutable { name };
    }
    if let Some((name, reason)) = message.split_once(" upload failed because: ") {
        return upload_failure(shown_part(name, secret), reason, answer, shown);
    }
    if message.starts_with("# of uploaded files (") {
        // More files than names cannot happen: both are made from one list.
        let accepted = between(message, "# of uploaded files (", ")").and_then(|number| number.parse().ok());
        return ProjectError::TooManyFiles { sent: asked.files, accepted };
    }
    if message.starts_with("couldn't parse input template file ") {
        let fix = "remove this file: PHP 8 rejects every submission while it exists".to_owned();
        return ProjectError::ServerSetup { message: shown, fix };
    }
    if message.starts_with("file operation failed; check permissions")
        || message.starts_with("could not move ")
    {
        let fix = "make download/ and what is below it writable by the web server".to_owned();
        return ProjectError::ServerSetup { message: shown, fix };
    }
    ProjectError::Refused { request, message: shown }
}

fn upload_failure(name: String, reason: &str, answer: &Answer, shown: String) -> ProjectError {
    if reason.contains("upload_max_filesize") || reason.contains("MAX_FILE_SIZE") {
        ProjectError::FileTooLarge { name }
    } else if reason.contains("only partially uploaded") || reason.contains("No file was uploaded") {
        ProjectError::LostReply { url: answer.url.clone(), reason: shown }
    } else {
        let fix =
            "check PHP's directory for uploads: it must exist, be writable and have free space".to_owned();
        ProjectError::ServerSetup { message: shown, fix }
    }
}

fn create_work(message: &str, shown: String, secret: &Scrubber) -> ProjectError {
    if let Some((name, _)) = duplicate(message).filter(|(_, key)| *key == "name") {
        return ProjectError::DuplicateWorkunit { name: shown_part(name, secret) };
    }
    if message.contains("mkdir() failed: errno 13") {
        let fix = "make download/ and what is below it writable by the web server".to_owned();
        return ProjectError::ServerSetup { message: shown, fix };
    }
    if let Some(path) = message.split("md5_file: can't open ").nth(1) {
        let path = path.lines().next().unwrap_or(path);
        let name = shown_part(path.rsplit('/').next().unwrap_or(path), secret);
        return ProjectError::AbsentInput { name };
    }
    ProjectError::CreateWork { message: shown }
}

/// The value and the key's name in "Duplicate entry 'VALUE' for key 'KEY'". MySQL, unlike MariaDB, says 'TABLE.KEY'.
fn duplicate(message: &str) -> Option<(&str, &str)> {
    let rest = &message[message.find("Duplicate entry '")? + "Duplicate entry '".len()..];
    let (value, rest) = rest.split_once("' for key '")?;
    let key = &rest[..rest.find('\'')?];
    Some((value, key.rsplit('.').next().unwrap_or(key)))
}

/// A fatal error: since PHP 8.1 this is what a failed query looks like.
fn broken_off(text: &str, asked: &Asked<'_>, secret: &Scrubber) -> ProjectError {
    let message = text.split_once(':').map_or(text, |(_, message)| message);
    let message = unescape_html(message.split("\nStack trace:").next().unwrap_or(message).trim());
    let request = asked.request.to_owned();
    match duplicate(&message) {
        Some((value, "jf_name" | "job_file_id")) => {
            ProjectError::DuplicateRecord { request, entry: shown_part(value, secret) }
        }
        _ => ProjectError::FatalError { request, message: shown(&message, secret) },
    }
}

/// No error, and no end.
fn incomplete(answer: &Answer, text: &str, open: &str, asked: &Asked<'_>, secret: &Scrubber) -> ProjectError {
    let url = answer.url.clone();
    if answer.status >= 500 {
        return ProjectError::ServerError {
            url,
            status: answer.status,
            half_reply: shown(text.split_once("?>").map_or(text, |(_, rest)| rest), secret),
            begun: text.contains(open),
            retry_after: answer.retry_after,
        };
    }
    if says_closed(text) {
        return ProjectError::Maintenance {
            message: "its page says that it is down for maintenance".to_owned(),
            retry_after: answer.retry_after,
        };
    }
    let start = text.trim_start();
    if text[..text.floor_char_boundary(2000)].to_ascii_lowercase().contains("<html") {
        let title = page_title(text).unwrap_or_default();
        return ProjectError::NotBoinc { url, found: format!("a page titled \"{}\"", shown(&title, secret)) };
    }
    // PHP's notes begin with a line break.
    let begun = ["<?xml", "<br />"].iter().any(|known| start.starts_with(known) || known.starts_with(start));
    if !begun && !text.contains(open) {
        let reason = format!("found \"{}\"", shown(text, secret));
        return ProjectError::UnparsableReply { request: asked.request.to_owned(), reason };
    }
    let reason =
        if text.is_empty() { "empty".to_owned() } else { format!("no end after {} bytes", text.len()) };
    ProjectError::LostReply { url, reason }
}

/// The page of `html/inc/util.inc`, `show_project_down`, where it is not translated.
fn says_closed(text: &str) -> bool {
    let start = text[..text.floor_char_boundary(100_000)].to_ascii_lowercase();
    start.contains("shut down for maintenance") || start.contains("project down for maintenance")
}

/// The title of a page in HTML.
pub fn page_title(text: &str) -> Option<String> {
    let start = text.find("<title>").or_else(|| text.find("<TITLE>"))? + "<title>".len();
    let title = text[start..].split('<').next().unwrap_or_default();
    Some(unescape_html(title.trim())).filter(|title| !title.is_empty())
}

/// A server's text as one line that may be shown: no secret, no SQL statement, at most [`SHOWN_CHARACTERS`].
pub fn shown(text: &str, secret: &Scrubber) -> String {
    // create_work prints the statement after the reason (`db/db_base.cpp`, `print_error` and `do_query`).
    let text = text.split("\nquery=").next().unwrap_or(text);
    shown_part(text, secret)
}

fn shown_part(text: &str, secret: &Scrubber) -> String {
    // Enough that a secret at the cut is seen whole.
    let start: String = text.chars().take(SHOWN_CHARACTERS * 4).collect();
    let line = secret.shown(&start).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARACTERS - 1) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

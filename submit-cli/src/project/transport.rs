//! HTTP, blocking: one request, one reply, nothing tried twice, no redirect followed.

use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Body, Client, Request, Response};
use reqwest::header::{
    ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Method, Url};
use tracing::debug;

use super::authenticator::{Authenticator, PROOF};
use super::error::ProjectError;
use super::http_date;
use super::multipart::Multipart;
use super::options::ClientOptions;
use super::reply::{self, Answer};
use super::request_log::RequestLog;
use super::scrub::Scrubber;

/// A larger reply is not one of BOINC's: a batch of 100,000 jobs with details has some 40 MB.
const REPLY_MAX: u64 = 256 * 1024 * 1024;

/// Apache closes an idle connection after 5 s; a request on one that is being closed would get no reply.
const IDLE: Duration = Duration::from_secs(3);

/// Sends requests.
#[derive(Debug)]
pub struct Transport {
    client: Client,
    reply_timeout: Duration,
    slowest_upload: u64,
    secret: Arc<Scrubber>,
}

impl Transport {
    /// What comes back is without `secret`.
    ///
    /// # Errors
    /// The file of certificates is invalid.
    pub fn new(options: &ClientOptions, loopback: bool, secret: Arc<Scrubber>) -> Result<Self, ProjectError> {
        // Fails only where the program has chosen another one before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Pages for people come translated otherwise (`html/inc/translation.inc`).
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static("en"))]);
        let mut builder = Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .user_agent(concat!("buoy/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .timeout(options.reply_timeout)
            .pool_idle_timeout(IDLE);
        if loopback {
            builder = builder.no_proxy();
        }
        if let Some(path) = &options.ca_file {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        let client = builder.build();
        let client =
            client.map_err(|error| ProjectError::setting("the HTTP client", chain(&error.without_url())))?;
        Ok(Self {
            client,
            reply_timeout: options.reply_timeout,
            slowest_upload: options.slowest_upload.max(1),
            secret,
        })
    }

    /// Posts a body; `progress` is called from this thread with the bytes that went out since the last call.
    ///
    /// # Errors
    /// No connection, no whole reply, or a file that changed.
    pub fn post(
        &self,
        url: Url,
        name: &str,
        body: Multipart,
        progress: Option<&(dyn Fn(u64) + Sync)>,
    ) -> Result<Answer, ProjectError> {
        let shown = url_shown(&url);
        let bytes = body.bytes();
        let log = RequestLog::start(Method::POST, &url, Some(name), bytes, &self.secret);
        let fault = Arc::new(Mutex::new(None));
        let mut request = Request::new(Method::POST, url);
        *request.timeout_mut() = Some(self.reply_timeout + Duration::from_secs(bytes / self.slowest_upload));
        let content_type = HeaderValue::from_str(&body.content_type());
        let content_type = content_type.expect("a boundary is hexadecimal digits");
        request.headers_mut().insert(CONTENT_TYPE, content_type);

        // Without files the body is in memory: what reads from elsewhere goes through a channel of reqwest's, whose end can be
        // noticed before its cause, a refused connection for instance.
        let is_upload = progress.is_some();
        let send = |mut request: Request, sent: Box<dyn FnMut(u64) + Send>| {
            let mut reader = body.into_reader(sent, Arc::clone(&fault));
            *request.body_mut() = Some(match is_upload {
                true => Body::sized(reader, bytes),
                false => {
                    let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
                    reader
                        .read_to_end(&mut whole)
                        .map_err(|error| ProjectError::setting("the request", error.to_string()))?;
                    Body::from(whole)
                }
            });
            let response = self.client.execute(request).map_err(|error| failure(&shown, &error))?;
            self.read(&shown, response)
        };
        let answer = match progress {
            None => send(request, Box::new(|_| ())),
            Some(progress) => std::thread::scope(|scope| {
                // reqwest wants a body that outlives this call, which `progress` does not.
                let (sender, receiver) = mpsc::channel();
                let sending = scope.spawn(move || {
                    send(
                        request,
                        Box::new(move |n| {
                            let _ = sender.send(n);
                        }),
                    )
                });
                receiver.iter().for_each(progress);
                sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        };
        let answer = match fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(fault) => Err(fault),
            None => answer,
        };
        end(log, &answer);
        answer
    }

    /// Gets a whole page, as a logged-in user if `user` is given: BOINC's login is a cookie with the authenticator
    /// (`html/inc/util.inc`, `get_logged_in_user`).
    ///
    /// # Errors
    /// No connection, no whole reply.
    pub fn get(&self, url: Url, user: Option<&Authenticator>) -> Result<Answer, ProjectError> {
        let shown = url_shown(&url);
        let log = RequestLog::start(Method::GET, &url, None, 0, &self.secret);
        let mut request = self.client.get(url);
        if let Some(user) = user {
            let setting = |_| ProjectError::setting("the authenticator", "not a cookie");
            let mut cookie = HeaderValue::from_str(&format!("auth={}", user.expose())).map_err(setting)?;
            cookie.set_sensitive(true);
            request = request.header(COOKIE, cookie);
        }
        let response = request.send().map_err(|error| failure(&shown, &error));
        let answer = response.and_then(|response| self.read(&shown, response));
        end(log, &answer);
        answer
    }

    /// Starts to get a page, from a byte on if the server supports that.
    ///
    /// # Errors
    /// No connection, no reply.
    pub fn open(&self, url: Url, from: Option<u64>) -> Result<(Response, RequestLog), ProjectError> {
        let shown = url_shown(&url);
        let log = RequestLog::start(Method::GET, &url, None, 0, &self.secret);
        let mut request = self.client.get(url);
        if let Some(from) = from {
            request = request.header(reqwest::header::RANGE, format!("bytes={from}-"));
        }
        match request.send().map_err(|error| failure(&shown, &error)) {
            Ok(response) => Ok((response, log)),
            Err(error) => {
                log.end(None, Err(&error));
                Err(error)
            }
        }
    }

    /// Reads a reply. This is where a server's text comes in, and where it loses the secret.
    ///
    /// # Errors
    /// It ends early, or never.
    pub fn read(&self, url: &str, response: Response) -> Result<Answer, ProjectError> {
        let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = header(DATE).and_then(http_date::parse);
        // As good as the authenticator for the one thing that it is made for.
        let proof = response.url().query_pairs().find(|(key, _)| key == PROOF);
        let proof = proof.map(|(_, proof)| proof.into_owned());
        let mut answer = Answer {
            url: url.to_owned(),
            status: response.status().as_u16(),
            location: header(LOCATION)
                .map(|to| response.url().join(to).map_or_else(|_| to.to_owned(), |to| to.to_string())),
            retry_after: header(RETRY_AFTER).and_then(|text| wait(text, date)),
            date,
            body: Vec::new(),
        };
        let lost = |reason: String| ProjectError::LostReply { url: url.to_owned(), reason };
        response.take(REPLY_MAX + 1).read_to_end(&mut answer.body).map_err(|error| lost(chain(&error)))?;
        if answer.body.len() as u64 > REPLY_MAX {
            return Err(lost(format!("more than {REPLY_MAX} bytes")));
        }
        answer.location = answer.location.map(|to| self.secret.shown(&to));
        answer.body = self.secret.reply(answer.body);
        if let Some(proof) = proof {
            answer.body = Scrubber::new([proof.as_str()]).reply(answer.body);
        }
        debug!(text = reply::shown(&String::from_utf8_lossy(&answer.body), &self.secret), "reply");
        Ok(answer)
    }
}

fn end(log: RequestLog, answer: &Result<Answer, ProjectError>) {
    let status = answer.as_ref().ok().map(|answer| answer.status);
    log.end(status, answer.as_ref().map(|answer| answer.body.len() as u64));
}

/// Seconds, or a date after the server's own.
fn wait(text: &str, date: Option<i64>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let seconds = http_date::parse(text)?.checked_sub(date?)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ProjectError> {
    let setting = |reason: String| ProjectError::Setting { what: path.display().to_string(), reason };
    let pem =
        std::fs::read(path).map_err(|error| setting(format!("failed to read the certificates: {error}")))?;
    let list = Certificate::from_pem_bundle(&pem)
        .map_err(|error| setting(format!("invalid certificates, expected PEM: {}", chain(&error))))?;
    if list.is_empty() {
        return Err(setting("missing certificate; expected PEM, -----BEGIN CERTIFICATE-----".to_owned()));
    }
    Ok(list)
}

/// Queries hold what proves who we are.
pub fn url_shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

fn failure(url: &str, error: &reqwest::Error) -> ProjectError {
    let url = url.to_owned();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = cause {
        // An I/O error hides what it was made from: its source is the source of that.
        let mut inner = this;
        while let Some(made_from) = inner.downcast_ref().and_then(std::io::Error::get_ref) {
            inner = made_from;
        }
        if let Some(rustls::Error::InvalidCertificate(reason)) = inner.downcast_ref() {
            return ProjectError::Certificate { url, reason: reason.to_string() };
        }
        cause = inner.source();
    }
    if error.is_connect() {
        return ProjectError::Unreachable { url, reason: causes(error) };
    }
    if error.is_builder() {
        return ProjectError::Setting { what: url, reason: causes(error) };
    }
    let reason = if error.is_timeout() { "timed out".to_owned() } else { causes(error) };
    ProjectError::LostReply { url, reason }
}

/// An error's causes without the error itself, which would repeat the address with its query.
fn causes(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| "unknown".to_owned(), chain)
}

/// The last two of a chain of errors: the first ones only say that something failed.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(this) = cause {
        texts.push(this.to_string());
        cause = this.source();
    }
    let mut last = texts[texts.len().saturating_sub(2)..].to_vec();
    last.dedup();
    last.join(": ")
}

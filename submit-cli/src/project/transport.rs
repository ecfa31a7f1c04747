//! HTTP, blocking: one request, one reply, nothing tried twice, no redirect followed.

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tracing::debug;
use ureq::http::header::{
    ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, DATE, HeaderName, HeaderValue, LOCATION, RANGE,
    RETRY_AFTER,
};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, Error, RequestBuilder, SendBody, Timeout};

use crate::platform::trusted_certificates;

use super::address::{PageUrl, ProjectUrl};
use super::authenticator::Authenticator;
use super::connection::{self, NoConnection};
use super::error::ProjectError;
use super::http_date;
use super::multipart::Multipart;
use super::options::ClientOptions;
use super::proxy;
use super::reply::{self, Answer};
use super::request_log::RequestLog;
use super::scrub::Scrubber;

/// A larger reply is not one of BOINC's: a batch of 100,000 jobs with details has some 40 MB.
const REPLY_MAX: u64 = 256 * 1024 * 1024;

/// Apache closes an idle connection after 5 s; a request on one that is being closed would get no reply.
const IDLE: Duration = Duration::from_secs(3);

/// As many as there are threads, so that none connects again.
const IDLE_CONNECTIONS: usize = 1000;

/// A reply whose body is not read yet.
pub type Response = ureq::http::Response<Body>;

/// Pages for people come translated otherwise (`html/inc/translation.inc`).
const LANGUAGE: &str = "en";

/// Sends requests.
#[derive(Debug)]
pub struct Transport {
    agent: Agent,
    reply_timeout: Duration,
    slowest_upload: u64,
    secret: Arc<Scrubber>,
}

impl Transport {
    /// For requests to one project. What comes back is without `secret`.
    ///
    /// # Errors
    /// The file of certificates or the proxy is invalid.
    pub fn new(
        options: &ClientOptions,
        url: &ProjectUrl,
        secret: Arc<Scrubber>,
    ) -> Result<Self, ProjectError> {
        let proxy = proxy::proxy(url, |name| std::env::var(name).ok())?;
        let mut trusted = options.ca_file.as_deref().map(certificates).transpose()?.unwrap_or_default();
        if url.is_encrypted() || proxy.is_some() {
            trusted.extend(trusted_certificates());
            if trusted.is_empty() {
                return Err(ProjectError::setting(
                    "the HTTP client",
                    "the system has no certificates to trust",
                ));
            }
        }
        let trusted = trusted.iter().map(|der| Certificate::from_der(der).to_owned());
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(RootCerts::from(trusted)).build())
            .proxy(proxy)
            .user_agent(concat!("buoy/", env!("CARGO_PKG_VERSION")))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .max_idle_age(IDLE)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        Ok(Self {
            agent: connection::agent(config),
            reply_timeout: options.reply_timeout,
            slowest_upload: options.slowest_upload.max(1),
            secret,
        })
    }

    /// Posts a body; `progress` is called with the bytes that went out since the last call.
    ///
    /// # Errors
    /// No connection, no whole reply, or a file that changed.
    pub fn post(
        &self,
        url: &PageUrl,
        name: &str,
        body: Multipart,
        progress: Option<&dyn Fn(u64)>,
    ) -> Result<Answer, ProjectError> {
        let bytes = body.bytes();
        let log = RequestLog::start("POST", url, Some(name), bytes, &self.secret);
        let request = self.agent.post(url.whole()).header(ACCEPT_LANGUAGE, LANGUAGE);
        let request =
            request.header(CONTENT_TYPE, body.content_type()).header(CONTENT_LENGTH, bytes.to_string());
        let timeout = self.reply_timeout + Duration::from_secs(bytes / self.slowest_upload);
        let request = request.config().timeout_global(Some(timeout)).build();
        let mut body = body.into_reader(progress);
        let sent = request.send(SendBody::from_reader(&mut body)).map_err(|error| failure(url, error));
        let answer = match body.fault {
            Some(fault) => Err(fault),
            None => sent.and_then(|response| self.read(url, response)),
        };
        end(log, &answer);
        answer
    }

    /// A file may be on its way for hours, as long as some of it comes.
    fn request(&self, url: &PageUrl) -> RequestBuilder<WithoutBody> {
        let request = self.agent.get(url.whole()).header(ACCEPT_LANGUAGE, LANGUAGE).config();
        let timeout = Some(self.reply_timeout);
        request.timeout_recv_response(timeout).timeout_per_read(timeout).build()
    }

    /// Gets a whole page, as a logged-in user if `user` is given: BOINC's login is a cookie with the authenticator
    /// (`html/inc/util.inc`, `get_logged_in_user`).
    ///
    /// # Errors
    /// No connection, no whole reply.
    pub fn get(&self, url: &PageUrl, user: Option<&Authenticator>) -> Result<Answer, ProjectError> {
        let log = RequestLog::start("GET", url, None, 0, &self.secret);
        let mut request = self.request(url);
        if let Some(user) = user {
            let setting = |_| ProjectError::setting("the authenticator", "not a cookie");
            let mut cookie = HeaderValue::from_str(&format!("auth={}", user.expose())).map_err(setting)?;
            cookie.set_sensitive(true);
            request = request.header(COOKIE, cookie);
        }
        let response = request.call().map_err(|error| failure(url, error));
        let answer = response.and_then(|response| self.read(url, response));
        end(log, &answer);
        answer
    }

    /// Starts to get a page, from a byte on if the server supports that.
    ///
    /// # Errors
    /// No connection, no reply.
    pub fn open(&self, url: &PageUrl, from: Option<u64>) -> Result<(Response, RequestLog), ProjectError> {
        let log = RequestLog::start("GET", url, None, 0, &self.secret);
        let mut request = self.request(url);
        if let Some(from) = from {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        match request.call().map_err(|error| failure(url, error)) {
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
    pub fn read(&self, url: &PageUrl, response: Response) -> Result<Answer, ProjectError> {
        let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = header(DATE).and_then(http_date::parse);
        let mut answer = Answer {
            url: url.page().to_owned(),
            status: response.status().as_u16(),
            location: header(LOCATION).map(|to| self.secret.shown(&url.follow(to))),
            retry_after: header(RETRY_AFTER).and_then(|text| wait(text, date)),
            date,
            body: Vec::new(),
        };
        let lost = |reason: String| ProjectError::LostReply { url: url.page().to_owned(), reason };
        let mut body = response.into_body().into_reader().take(REPLY_MAX + 1);
        body.read_to_end(&mut answer.body).map_err(|error| lost(read_failure(error)))?;
        if answer.body.len() as u64 > REPLY_MAX {
            return Err(lost(format!("more than {REPLY_MAX} bytes")));
        }
        answer.body = self.secret.reply(answer.body);
        // As good as the authenticator for the one thing that it is made for.
        if let Some(proof) = url.proof() {
            answer.body = Scrubber::new([proof]).reply(answer.body);
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

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ProjectError> {
    let setting = |reason: String| ProjectError::Setting { what: path.display().to_string(), reason };
    let pem =
        std::fs::read(path).map_err(|error| setting(format!("failed to read the certificates: {error}")))?;
    let list: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| setting(format!("invalid certificates, expected PEM: {error}")))?;
    if list.is_empty() {
        return Err(setting("missing certificate; expected PEM, -----BEGIN CERTIFICATE-----".to_owned()));
    }
    // ureq leaves out what it cannot read.
    let mut store = RootCertStore::empty();
    list.iter()
        .try_for_each(|certificate| store.add(certificate.clone()))
        .map_err(|error| setting(format!("invalid certificates, expected PEM: {error}")))?;
    Ok(list)
}

/// Queries hold what proves who we are: no error shows one.
fn failure(url: &PageUrl, error: Error) -> ProjectError {
    let (connected, error) = match error {
        Error::Other(other) => match other.downcast::<NoConnection>() {
            Ok(error) => (false, error.0),
            Err(other) => (true, Error::Other(other)),
        },
        error => (true, error),
    };
    let (url, reason) = (url.page().to_owned(), reason(&error));
    match error {
        _ if let Some(reason) = refused_certificate(&error) => ProjectError::Certificate { url, reason },
        Error::BadUri(_) | Error::Http(_) => ProjectError::Setting { what: url, reason },
        _ if !connected => ProjectError::Unreachable { url, reason },
        _ => ProjectError::LostReply { url, reason },
    }
}

fn refused_certificate(error: &Error) -> Option<String> {
    let error = match error {
        Error::Rustls(error) => error,
        Error::Io(error) => error.get_ref()?.downcast_ref()?,
        _ => return None,
    };
    match error {
        rustls::Error::InvalidCertificate(reason) => Some(reason.to_string()),
        _ => None,
    }
}

/// Why the body of a reply could not be read to its end.
pub fn read_failure(error: std::io::Error) -> String {
    reason(&Error::from(error))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Timeout(Timeout::Resolve) => "timed out while the host was looked up".to_owned(),
        Error::Timeout(_) => "timed out".to_owned(),
        Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => error.to_string(),
        Error::Protocol(error) => error.to_string(),
        error => error.to_string(),
    }
}

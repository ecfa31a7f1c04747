//! Where a project is.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::authenticator::PROOF;

/// Whether an address that is not encrypted is taken. On loopback it always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// `http` is refused: the authenticator would be readable on its way.
    Refuse,
    /// The submitter has said that `http` is meant.
    Allow,
}

/// A project's address, with a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectUrl {
    scheme: String,
    /// In lower case; an IPv6 address is in brackets.
    host: String,
    /// Unless it is the scheme's own.
    port: Option<u16>,
    /// With a slash at both ends.
    path: String,
}

/// A text that is not the address of a project.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The text is not a web address.
    #[error(
        "invalid address \"{text}\": {found}; expected the address of a project, such as https://project.example/boinc/"
    )]
    Malformed {
        /// What was given, without a password.
        text: String,
        /// What is wrong about it.
        found: String,
    },
    /// It would not be encrypted.
    #[error(
        "{text}: http sends the authenticator unencrypted; use https, or --allow-http to send it nevertheless"
    )]
    Plain {
        /// What was given.
        text: String,
    },
}

impl ProjectUrl {
    /// Takes a text that a submitter gave; without a scheme, `https` is meant (`http` on loopback).
    ///
    /// # Errors
    /// It is no address, holds a user name, password, query or fragment, or is not encrypted though it must be.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, AddressError> {
        let text = text.trim();
        let (given, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text.trim_start_matches('/')),
        };
        let page = rest.split(['?', '#']).next().unwrap_or_default();
        // No text shows a password, whichever characters it has.
        let shown = page.rsplit('@').next().unwrap_or_default();
        let shown = given.as_ref().map_or_else(|| shown.to_owned(), |scheme| format!("{scheme}://{shown}"));
        let malformed = |found: String| AddressError::Malformed { text: shown.clone(), found };
        if let Some(scheme) = given.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https")) {
            return Err(malformed(format!("the scheme is {scheme}")));
        }
        let (authority, path) = page.split_once('/').unwrap_or((page, ""));
        if authority.contains('@') {
            return Err(malformed("it has a user name or password".to_owned()));
        }
        if page.len() < rest.len() {
            return Err(malformed("it has a query (?…) or fragment (#…)".to_owned()));
        }
        let (host, port) = host_and_port(authority).map_err(malformed)?;
        let scheme = match given {
            Some(scheme) if scheme == "http" && plain == PlainHttp::Refuse && !is_loopback(&host) => {
                return Err(AddressError::Plain { text: text.to_owned() });
            }
            Some(scheme) => scheme,
            None => if is_loopback(&host) { "http" } else { "https" }.to_owned(),
        };
        let port = port.filter(|port| *port != if scheme == "http" { 80 } else { 443 });
        let mut path = format!("/{}", encoded(path, PATH));
        if !path.ends_with('/') {
            path.push('/');
        }
        Ok(Self { scheme, host, port, path })
    }

    /// The address of a page under the project's, such as `submit_rpc_handler.php`.
    pub fn join(&self, script: &str) -> PageUrl {
        PageUrl { page: format!("{self}{}", encoded(script, PATH)), query: Vec::new() }
    }

    /// Requests to it are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// The server's name or IP address, in brackets if it has colons.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The server is this computer, so nothing on the way can listen.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// A name for the project made from its host, for a submitter who gave none.
    pub fn short_name(&self) -> String {
        let host = self.host.strip_prefix("www.").unwrap_or(&self.host);
        let last = self.path.rsplit('/').find(|part| !part.is_empty());
        let name = match ip(host) {
            Some(_) => last.unwrap_or("local"),
            None if host == "localhost" => last.unwrap_or("local"),
            None => host.split('.').next().unwrap_or(host),
        };
        name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
    }
}

impl fmt::Display for ProjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let port = match port {
        "" => None,
        port => Some(port.parse().map_err(|_| "invalid port number".to_owned())?),
    };
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
        let address = address.ok_or_else(|| "invalid IPv6 address".to_owned())?;
        return Ok((format!("[{address}]"), port));
    }
    match host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        None => Ok((host.to_ascii_lowercase(), port)),
        Some(odd) if odd.is_ascii() => Err(format!("the host has {odd:?}")),
        Some(odd) => Err(format!("the host has {odd:?}; write it as in the DNS, xn--…")),
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// The address of a page, with a query. The query can hold what proves who we are, so this has no `Debug`.
#[derive(Clone)]
pub struct PageUrl {
    page: String,
    query: Vec<(&'static str, String)>,
}

impl PageUrl {
    /// Adds to the query.
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// The address without the query, to be shown.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// What in the query proves who we are.
    pub fn proof(&self) -> Option<&str> {
        self.query.iter().find(|(key, _)| *key == PROOF).map(|(_, proof)| proof.as_str())
    }

    /// The address with the query, but without the proof, to be shown.
    pub fn without_proof(&self) -> String {
        self.text(|key, value| if key == PROOF { "hidden".to_owned() } else { value.to_owned() })
    }

    /// The address with the query, to be sent.
    pub(super) fn whole(&self) -> String {
        self.text(|_, value| value.to_owned())
    }

    fn text(&self, shown: impl Fn(&str, &str) -> String) -> String {
        let mut text = self.page.clone();
        for (n, (key, value)) in self.query.iter().enumerate() {
            let sign = if n == 0 { '?' } else { '&' };
            text.push_str(&format!("{sign}{}={}", encoded(key, ""), encoded(&shown(key, value), "")));
        }
        text
    }

    /// The address that a link on this page leads to.
    pub fn follow(&self, link: &str) -> String {
        let start = self.page.find("://").map_or(0, |at| at + "://".len());
        let host_end = self.page[start..].find('/').map_or(self.page.len(), |at| start + at);
        let directory_end = self.page.rfind('/').map_or(self.page.len(), |at| at + 1);
        let scheme_end = link.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
        let base = match link.chars().next() {
            _ if scheme_end.is_some_and(|end| end > 0 && link[end..].starts_with(':')) => "",
            _ if link.starts_with("//") => &self.page[..start - "//".len()],
            Some('/') => &self.page[..host_end],
            Some('?' | '#') | None => &self.page,
            Some(_) => &self.page[..directory_end],
        };
        format!("{base}{}", link.strip_prefix("./").unwrap_or(link))
    }
}

/// What stands for itself in a path, with the slash and what is encoded already.
const PATH: &str = "/%:@!$&'()*+,;=";

/// Percent signs for all but letters, digits, `-`, `.`, `_`, `~` and those in `kept`.
fn encoded(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || (byte.is_ascii() && kept.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        ProjectUrl::parse(text, PlainHttp::Refuse).unwrap_err().to_string()
    }

    #[test]
    fn an_address_ends_with_a_slash_and_is_https_unless_said() {
        for (given, meant) in [
            ("https://project.example/boinc", "https://project.example/boinc/"),
            ("project.example/boinc/", "https://project.example/boinc/"),
            (" https://project.example ", "https://project.example/"),
            ("http://127.0.0.1:8099/buoytest", "http://127.0.0.1:8099/buoytest/"),
            ("127.0.0.1:8099/buoytest", "http://127.0.0.1:8099/buoytest/"),
            ("http://[::1]:80/x/", "http://[::1]/x/"),
            ("http://localhost/x/", "http://localhost/x/"),
        ] {
            assert_eq!(ProjectUrl::parse(given, PlainHttp::Refuse).unwrap().to_string(), meant);
        }
        let plain = ProjectUrl::parse("http://project.example/", PlainHttp::Allow).unwrap();
        assert_eq!(plain.to_string(), "http://project.example/");
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_a_password() {
        assert!(refused("http://project.example/").contains("--allow-http"));
        assert!(refused("http://127.0.0.1.example.org/").contains("--allow-http"));
        assert!(refused("ftp://project.example/").contains("the scheme is ftp"));
        assert!(refused("").contains("invalid address"));
        let error = refused("https://me:hunter2@project.example/");
        assert!(error.contains("user name") && !error.contains("hunter2"), "{error}");
        let error = refused("https://project.example/?auth=secret");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn pages_stand_under_the_project() {
        let url = ProjectUrl::parse("https://project.example/boinc", PlainHttp::Refuse).unwrap();
        assert_eq!(url.join("job_file.php").page(), "https://project.example/boinc/job_file.php");
        assert_eq!(url.short_name(), "project");
        let local = ProjectUrl::parse("http://127.0.0.1:8099/buoytest", PlainHttp::Refuse).unwrap();
        assert_eq!(local.short_name(), "buoytest");
    }

    #[test]
    fn addresses_are_written_in_one_way() {
        let parse = |text: &str| ProjectUrl::parse(text, PlainHttp::Refuse).map(|url| url.to_string());
        for (given, meant) in [
            ("HTTPS://Project.Example:443/A b/ü%20", "https://project.example/A%20b/%C3%BC%20/"),
            ("project.example:8443", "https://project.example:8443/"),
            ("localhost:80", "http://localhost/"),
            ("https://[0:0::1]:/x@y", "https://[::1]/x@y/"),
        ] {
            assert_eq!(parse(given).unwrap(), meant);
        }
        for (given, found) in [
            ("https://", "the host is missing"),
            ("https:///boinc", "the host is missing"),
            ("https://project.example:x/", "invalid port number"),
            ("https://project.example:70000/", "invalid port number"),
            ("https://[::g]/", "invalid IPv6 address"),
            ("https://project example/", "the host has ' '"),
            ("https://bücher.example/", "xn--"),
            ("https://project.example/#x", "fragment"),
        ] {
            assert!(refused(given).contains(found), "{given}: {}", refused(given));
        }
        for text in [
            "https://me:hunter2 x@project.example/",
            "https://me:hun/ter2@project.example/",
            "ftp://me:hunter2@x/",
        ] {
            assert!(!refused(text).contains("ter2"), "{}", refused(text));
        }
    }

    #[test]
    fn a_query_is_encoded_and_shown_without_proof() {
        let url = ProjectUrl::parse("https://project.example/x", PlainHttp::Refuse).unwrap();
        let url = url.join("get_output.php").with("name", "a b&c=ü+/").with(PROOF, "secret");
        assert_eq!(url.page(), "https://project.example/x/get_output.php");
        let shown = "https://project.example/x/get_output.php?name=a%20b%26c%3D%C3%BC%2B%2F&auth_str=";
        assert_eq!((url.whole(), url.proof()), (format!("{shown}secret"), Some("secret")));
        assert_eq!(url.without_proof(), format!("{shown}hidden"));
    }

    #[test]
    fn links_lead_where_a_browser_would_go() {
        let url = ProjectUrl::parse("https://project.example:8443/x", PlainHttp::Refuse).unwrap();
        let url = url.join("result.php").with("resultid", "7");
        for (link, to) in [
            ("http://other.example/", "http://other.example/"),
            ("//other.example/y", "https://other.example/y"),
            (
                "/y/login_form.php?next=http://z/",
                "https://project.example:8443/y/login_form.php?next=http://z/",
            ),
            ("login_form.php", "https://project.example:8443/x/login_form.php"),
            ("./login_form.php", "https://project.example:8443/x/login_form.php"),
            ("?a=1", "https://project.example:8443/x/result.php?a=1"),
            ("", "https://project.example:8443/x/result.php"),
        ] {
            assert_eq!(url.follow(link), to);
        }
    }
}

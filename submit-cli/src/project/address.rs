//! Where a project is.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

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
pub struct ProjectUrl(Url);

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
        let malformed = |text: &str, found: String| AddressError::Malformed { text: text.to_owned(), found };
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{}", text.trim_start_matches('/'))
        };
        let mut url = Url::parse(&with_scheme).map_err(|error| malformed(text, error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(malformed(text, format!("the scheme is {}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The text would show the password.
            let _ = (url.set_username(""), url.set_password(None));
            return Err(malformed(url.as_str(), "it has a user name or password".to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            url.set_query(None);
            url.set_fragment(None);
            return Err(malformed(url.as_str(), "it has a query (?…) or fragment (#…)".to_owned()));
        }
        if text.contains("://") {
            if url.scheme() == "http" && plain == PlainHttp::Refuse && !is_loopback(&url) {
                return Err(AddressError::Plain { text: text.to_owned() });
            }
        } else if is_loopback(&url) {
            let _ = url.set_scheme("http");
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The address of a page under the project's, such as `submit_rpc_handler.php`.
    pub fn join(&self, script: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{script}", self.0.path());
        url.set_path(&path);
        url
    }

    /// The server is this computer, so nothing on the way can listen.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// A name for the project made from its host, for a submitter who gave none.
    pub fn short_name(&self) -> String {
        let host = self.0.host_str().unwrap_or("project");
        let host = host.strip_prefix("www.").unwrap_or(host);
        let last = self.0.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()));
        let name = match host.parse::<IpAddr>() {
            Ok(_) => last.unwrap_or("local"),
            Err(_) if host == "localhost" => last.unwrap_or("local"),
            Err(_) => host.split('.').next().unwrap_or(host),
        };
        name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for ProjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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
        assert_eq!(url.join("job_file.php").as_str(), "https://project.example/boinc/job_file.php");
        assert_eq!(url.short_name(), "project");
        let local = ProjectUrl::parse("http://127.0.0.1:8099/buoytest", PlainHttp::Refuse).unwrap();
        assert_eq!(local.short_name(), "buoytest");
    }
}

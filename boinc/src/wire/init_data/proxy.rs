//! `<proxy_info>`: how the volunteer's host reaches the network.
//!
//! Client 7.20.5 always writes the element, with empty names; 8.x only if a proxy is used. Only a
//! non-empty server name means that there is one (`lib/proxy_info.h`, `using_proxy`).

use super::Secret;
use super::values::push_element;
use crate::xml::Element;

/// A proxy server and how to log in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyServer {
    /// Host name or address; never empty.
    pub name: String,
    /// Port; default 80.
    pub port: i32,
    /// Empty if no login is needed.
    pub user_name: String,
    /// The password.
    pub password: Secret,
}

impl ProxyServer {
    fn read(element: &Element, server: &str, user: &str) -> Option<Self> {
        let name = element.text_of(&format!("{server}_server_name"));
        (!name.is_empty()).then(|| Self {
            name,
            port: element.integer(&format!("{server}_server_port")).unwrap_or(80),
            user_name: element.text_of(&format!("{user}_user_name")),
            password: Secret::new(element.text_of(&format!("{user}_user_passwd"))),
        })
    }

    fn url(&self, scheme: &str) -> Secret {
        let login = match self.user_name.as_str() {
            "" => String::new(),
            user => format!("{}:{}@", percent(user), percent(self.password.reveal())),
        };
        Secret::new(format!("{scheme}://{login}{}:{}", self.name, self.port))
    }
}

/// The proxies of a host; at least one of the two servers is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyInfo {
    /// The HTTP proxy.
    pub http: Option<ProxyServer>,
    /// The SOCKS 5 proxy.
    pub socks: Option<ProxyServer>,
    /// The SOCKS proxy looks up names.
    pub socks5_remote_dns: bool,
    /// Hosts to reach without a proxy, separated by commas.
    pub no_proxy: String,
}

impl ProxyInfo {
    pub(super) fn read(element: &Element) -> Option<Self> {
        let http = ProxyServer::read(element, "http", "http");
        let socks = ProxyServer::read(element, "socks", "socks5");
        (http.is_some() || socks.is_some()).then(|| Self {
            http,
            socks,
            socks5_remote_dns: element.last_flag("socks5_remote_dns"),
            no_proxy: element.text_of("no_proxy"),
        })
    }

    pub(super) fn push(&self, out: &mut String) {
        let push = |out: &mut String, name: &str, value: &str| push_element(out, "    ", name, value);
        out.push_str("<proxy_info>\n");
        if self.http.is_some() {
            out.push_str("    <use_http_proxy/>\n");
        }
        if self.socks.is_some() {
            out.push_str("    <use_socks_proxy/>\n");
        }
        for (server, kind, user) in [(&self.socks, "socks", "socks5"), (&self.http, "http", "http")] {
            let Some(server) = server else { continue };
            push(out, &format!("{kind}_server_name"), &server.name);
            push(out, &format!("{kind}_server_port"), &server.port.to_string());
            push(out, &format!("{user}_user_name"), &server.user_name);
            push(out, &format!("{user}_user_passwd"), server.password.reveal());
        }
        push(out, "socks5_remote_dns", if self.socks5_remote_dns { "1" } else { "0" });
        push(out, "no_proxy", &self.no_proxy);
        out.push_str("</proxy_info>\n");
    }

    /// The environment variables that carry the proxy to a build and a container, the same names as
    /// upstream's wrapper sets (`samples/docker_wrapper`, `set_proxy_env_vars`). The HTTP proxy wins over
    /// the SOCKS proxy. Unlike there, user name and password are percent-encoded, so that one with `@` or
    /// `:` works.
    pub fn environment(&self) -> Vec<(&'static str, Secret)> {
        let url = match (&self.http, &self.socks) {
            (Some(server), _) => Some(server.url("http")),
            (None, Some(server)) => {
                Some(server.url(if self.socks5_remote_dns { "socks5h" } else { "socks5" }))
            }
            (None, None) => None,
        };
        let mut variables = Vec::new();
        if let Some(url) = url {
            variables.extend(["http_proxy", "https_proxy", "HTTPS_PROXY"].map(|name| (name, url.clone())));
        }
        if !self.no_proxy.is_empty() {
            variables.extend(["no_proxy", "NO_PROXY"].map(|name| (name, Secret::new(self.no_proxy.clone()))));
        }
        variables
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

//! The proxy for a project, from the environment.

use std::net::IpAddr;

use ureq::{Proxy, ProxyProtocol};

use super::address::ProjectUrl;
use super::error::ProjectError;

/// The proxy for a project: none on loopback, and for what `NO_PROXY` names.
///
/// # Errors
/// The environment names a proxy that cannot be used.
pub fn proxy(
    url: &ProjectUrl,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ProjectError> {
    let find = |name: &'static str| {
        let text = variable(name).or_else(|| variable(&name.to_ascii_lowercase()))?;
        Some((name, text.trim().to_owned())).filter(|(_, text)| !text.is_empty())
    };
    // In a CGI program HTTP_PROXY is a header of the request.
    let own = match url.is_encrypted() {
        true => find("HTTPS_PROXY"),
        false => find("HTTP_PROXY").filter(|_| variable("REQUEST_METHOD").is_none()),
    };
    let Some((name, text)) = own.or_else(|| find("ALL_PROXY")) else { return Ok(None) };
    if url.is_loopback() || find("NO_PROXY").is_some_and(|(_, list)| is_listed(url.host(), &list)) {
        return Ok(None);
    }
    // The text can hold a password.
    let proxy = Proxy::new(&text).ok();
    match proxy.filter(|proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)) {
        Some(proxy) => Ok(Some(proxy)),
        None => Err(ProjectError::setting(
            name,
            "invalid proxy; expected the address of an HTTP proxy, such as http://proxy.example:3128",
        )),
    }
}

/// A list of domains, each with what is below it, IP addresses, networks such as `10.0.0.0/8`, or `*`.
fn is_listed(host: &str, list: &str) -> bool {
    let ip: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    list.split(',').map(str::trim).any(|entry| match ip {
        _ if entry == "*" => true,
        Some(ip) => is_in(ip, entry).unwrap_or(false),
        None => {
            let domain = entry.trim_start_matches('.').to_ascii_lowercase();
            let above = host.strip_suffix(domain.as_str()).filter(|_| !domain.is_empty());
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        }
    })
}

fn is_in(ip: IpAddr, network: &str) -> Option<bool> {
    let (first, bits) = match network.split_once('/') {
        Some((first, bits)) => (first, bits.parse::<u32>().ok()?),
        None => (network, 128),
    };
    let (ip, first, width) = match (ip, first.parse().ok()?) {
        (IpAddr::V4(ip), IpAddr::V4(first)) => (u128::from(ip.to_bits()), u128::from(first.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(first)) => (ip.to_bits(), first.to_bits(), 128),
        _ => return None,
    };
    // A shift by all bits of the type is none.
    Some((ip ^ first).checked_shr(width - bits.min(width)).unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::super::address::PlainHttp;
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let url = ProjectUrl::parse(url, PlainHttp::Allow).unwrap();
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned());
        let proxy = proxy(&url, find).map_err(|error| error.to_string())?;
        Ok(proxy.map(|proxy| proxy.host().to_owned()))
    }

    #[test]
    fn the_environment_names_proxies() {
        let all = [
            ("HTTPS_PROXY", "http://me:pw@s.example:3128"),
            ("http_proxy", "p.example"),
            ("ALL_PROXY", "a.example"),
        ];
        for (url, variables, host) in [
            ("https://p/", &all[..], Some("s.example")),
            ("http://p/", &all[..], Some("p.example")),
            ("https://p/", &all[1..], Some("a.example")),
            ("https://p/", &all[1..2], None),
            ("https://p/", &[("HTTPS_PROXY", "")], None),
            ("http://p/", &[("HTTP_PROXY", "p.example"), ("REQUEST_METHOD", "GET")], None),
            ("http://127.0.0.1:8099/", &all[..], None),
            ("https://[::1]/", &all[..], None),
        ] {
            assert_eq!(chosen(url, variables).unwrap().as_deref(), host, "{url}");
        }
        for text in ["socks5://me:hunter2@s.example", "http://me:hunter2@ x"] {
            let error = chosen("https://p/", &[("ALL_PROXY", text)]).unwrap_err();
            assert!(error.starts_with("ALL_PROXY: invalid proxy") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_proxy_is_used_for_listed_hosts() {
        for (host, list, listed) in [
            ("p.example", "p.example", true),
            ("p.example", "other.example, .EXAMPLE", true),
            ("p.example", ".p.example", true),
            ("p.example", "*", true),
            ("up.example", "p.example", false),
            ("example", "p.example", false),
            ("p.example", "", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "11.0.0.0/8,10.1.2.4", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "*", true),
            ("[fd00::1]", "fd00::/8", true),
            ("[fd00::1]", "::/0", true),
            ("[fd00::1]", "10.0.0.0/8", false),
        ] {
            assert_eq!(is_listed(host, list), listed, "{host} {list}");
        }
    }
}

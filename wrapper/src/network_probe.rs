//! Whether this host is online: it can reach the server of the project that the task came from.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use boinc::wire::init_data::{InitData, ProxyServer};

const TIMEOUT: Duration = Duration::from_secs(10);
/// A project's master URL names one of these, as a rule.
const PORTS: [u16; 2] = [443, 80];

/// Tries to connect. The client names the project directory after the master URL, with `_` for each special character, so
/// that the host is what comes before the first one. With a proxy only the proxy has to be there.
pub fn is_online(init_data: &InitData) -> bool {
    let proxy = init_data.proxy_info.as_ref().and_then(|info| info.http.as_ref().or(info.socks.as_ref()));
    match proxy {
        Some(ProxyServer { name, port, .. }) => u16::try_from(*port).is_ok_and(|port| answers(name, port)),
        None => {
            host_of(&init_data.project_dir).is_some_and(|host| PORTS.iter().any(|port| answers(host, *port)))
        }
    }
}

fn host_of(project_dir: &Path) -> Option<&str> {
    project_dir.file_name()?.to_str()?.split('_').next().filter(|host| !host.is_empty())
}

/// A refused connection is an answer, too.
fn answers(host: &str, port: u16) -> bool {
    let addresses = (host, port).to_socket_addrs().into_iter().flatten();
    addresses.take(2).any(|address| match TcpStream::connect_timeout(&address, TIMEOUT) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_host_is_the_beginning_of_the_project_directory() {
        assert_eq!(
            host_of(Path::new("/var/lib/boinc/projects/boinc.example.org_rosetta")),
            Some("boinc.example.org")
        );
        assert_eq!(host_of(Path::new("/p/einstein.phys.uwm.edu")), Some("einstein.phys.uwm.edu"));
    }

    #[test]
    fn a_server_that_cannot_be_found_means_offline_and_one_that_answers_online() {
        let at =
            |name: &str| InitData { project_dir: Path::new("/projects").join(name), ..InitData::default() };
        assert!(!is_online(&at("nothing.invalid_test")));
        assert!(is_online(&at("127.0.0.1_test")));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert!(answers("127.0.0.1", listener.local_addr().unwrap().port()));
    }
}

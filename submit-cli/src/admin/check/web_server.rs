//! The web server's umask: file_deleter, which runs as the project's owner, must be able to remove what PHP stores.

use std::path::PathBuf;

use boinc::diagnostic::Location;

use super::{Findings, Grade, Subject};
use crate::admin::project_files::sorted;

/// Services that run PHP, by the start of their names.
const SERVICES: [&str; 4] = ["apache2", "httpd", "php", "nginx"];

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let etc = &subject.host.etc;
    let present =
        ["apache2", "httpd", "nginx"].into_iter().map(|name| etc.join(name)).find(|dir| dir.is_dir());
    let Some(present) = present else {
        let found = "no settings of a web server found: its umask is unknown";
        findings.note(Grade::Unchecked, Location::file(etc), found).accepted("umask 002");
        return;
    };
    let shell = etc.join("apache2/envvars");
    let is_set = service_files(subject).iter().any(|file| sets(file, "UMask=")) || sets(&shell, "umask ");
    if !is_set {
        let place = if shell.is_file() { shell } else { present };
        findings
            .wrong(
                Location::file(&place),
                "the web server's umask is not set to 002: file_deleter cannot remove the inputs that the web server stores",
            )
            .help(
                "add the line \"umask 002\" to /etc/apache2/envvars, or UMask=0002 to the service (systemctl edit), and restart it",
            );
    }
}

fn sets(file: &PathBuf, key: &str) -> bool {
    let is_002 = |value: &str| matches!(value.trim().trim_matches('"'), "2" | "02" | "002" | "0002");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| line.trim().strip_prefix(key).is_some_and(is_002))
}

/// Units and drop-ins of systemd for web servers and PHP.
fn service_files(subject: &Subject<'_>) -> Vec<PathBuf> {
    let units = sorted(&subject.host.etc.join("systemd/system")).into_iter();
    units
        .filter(|(name, _)| SERVICES.iter().any(|service| name.starts_with(service)))
        .flat_map(|(_, path)| match path.is_dir() {
            true => sorted(&path).into_iter().map(|(_, path)| path).collect(),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "conf" || ending == "service"))
        .collect()
}

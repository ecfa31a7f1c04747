//! The web server's umask: what PHP stores must be removable by file_deleter, which runs as the project's owner.

use std::path::PathBuf;

use super::{Findings, Grade, Subject};
use boinc::diagnostic::{Diagnostic, Place};

/// Services that run PHP, by the begin of their names.
const SERVICES: [&str; 4] = ["apache2", "httpd", "php", "nginx"];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let etc = &subject.host.etc;
    let apache = etc.join("apache2/envvars");
    let present =
        [etc.join("apache2"), etc.join("httpd"), etc.join("nginx")].into_iter().find(|dir| dir.is_dir());
    let Some(present) = present else {
        let what = Diagnostic::new(Place::file(etc), "no web server's settings here: its umask is not known");
        findings.note(Grade::Unchecked, what.accepted("umask 002"));
        return;
    };
    let is_002 = |value: &str| matches!(value.trim().trim_matches('"'), "2" | "02" | "002" | "0002");
    let shell = std::fs::read_to_string(&apache).unwrap_or_default();
    let set_in_shell = shell.lines().any(|line| line.trim().strip_prefix("umask ").is_some_and(is_002));
    let set_in_service = service_files(subject).into_iter().any(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().any(|line| line.trim().strip_prefix("UMask=").is_some_and(is_002))
    });
    if !set_in_shell && !set_in_service {
        let place = if apache.is_file() { apache } else { present };
        let what = Diagnostic::new(
            Place::file(&place),
            "the web server's umask is not set to 002: file_deleter cannot remove the inputs that it stores",
        );
        let help = "a line \"umask 002\" in /etc/apache2/envvars, or UMask=0002 in a drop-in of the service (systemctl edit); then restart it";
        findings.note(Grade::Wrong, what.help(help));
    }
}

/// Units and drop-ins of systemd for web servers and PHP.
fn service_files(subject: &Subject<'_>) -> Vec<PathBuf> {
    let system = subject.host.etc.join("systemd/system");
    let ours = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() != 1 || SERVICES.iter().any(|service| name.starts_with(service))
    };
    walkdir::WalkDir::new(system)
        .max_depth(2)
        .into_iter()
        .filter_entry(ours)
        .flatten()
        .filter(|entry| {
            entry.path().extension().is_some_and(|extension| extension == "conf" || extension == "service")
        })
        .map(|entry| entry.path().to_path_buf())
        .collect()
}

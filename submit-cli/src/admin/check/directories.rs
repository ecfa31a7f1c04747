//! Directories that the web server writes to, and the keys. Sources: py/Boinc/setup_project.py, sched/sched_util_basic.cpp
//! (`get_log_path`), html/inc/dir_hier.inc, html/user/submit_rpc_handler.php (`make_output_template`).

use std::path::{Path, PathBuf};

use boinc::diagnostic::Location;
use boinc::platform::{Entry, entry_at};

use super::{Findings, Grade, Subject, mode_of};
use crate::admin::fix::{Fix, symbolic};
use crate::admin::project_files::sorted;
use crate::admin::server_host::Account;

/// Read, write, enter, and files in it belong to its group.
const SHARED: u32 = 0o2070;
const OTHERS_WRITE: u32 = 0o002;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let project = subject.project;
    let account = match &subject.host.web_user {
        Ok(account) => account,
        Err(error) => {
            findings
                .note(
                    Grade::Unchecked,
                    Location::file(&project.dir),
                    format!("which directories the web server can write: {error}"),
                )
                .help("name its account with --web-user");
            return;
        }
    };
    for (path, effect) in [
        (project.download_dir(), "uploaded inputs cannot be stored"),
        (project.directory("upload_dir", "upload"), "volunteers' results cannot be stored"),
        (project.dir.join("templates"), "no batch can be submitted"),
        (project.dir.join("templates/tmp"), "no batch can be submitted"),
        (
            project.dir.join(format!("log_{}", subject.host.name)),
            "the scheduler answers \"Server can't open log file\", and clients report that the project is down",
        ),
    ] {
        check_directory(subject, account, &path, effect, findings);
    }
    check_fan_out(account, &project.download_dir(), findings);
}

fn check_directory(
    subject: &Subject<'_>,
    account: &Account,
    path: &Path,
    effect: &str,
    findings: &mut Findings,
) {
    let place = Location::file(path);
    let user = &account.name;
    let Ok(entry) = entry_at(path) else {
        let fix = Fix::Directory { path: path.to_path_buf(), mode: 0o2775 };
        findings
            .wrong(place, format!("this directory does not exist: {effect}"))
            .accepted("a directory with mode 2775, owned by a group that the web server's account is in")
            .fix(path.parent().is_some_and(Path::is_dir).then_some(fix));
        return;
    };
    let mode = entry.mode & 0o7777;
    let wanted = match Access::of(account, &entry) {
        Access::Owner => 0o700,
        Access::Group => SHARED,
        Access::Other => {
            let group = subject.host.group_name(entry.gid);
            let (grade, found) = match mode & 0o007 {
                0o007 => (
                    Grade::Unsafe,
                    format!("the web server ({user}) can write here only because every user can"),
                ),
                _ => (Grade::Wrong, format!("the web server ({user}) is not in the group {group}: {effect}")),
            };
            findings.note(grade, place, found).help(format!(
                "as root, run usermod -aG {group} {user}, restart the web server, then run chmod 2775"
            ));
            return;
        }
    };
    let missing = wanted & !mode;
    if missing != 0 {
        let found = match missing & 0o777 {
            0 => "the set-group-id bit is not set: files of the web server get another group, and file_deleter cannot remove them".to_owned(),
            _ => format!("mode {mode:o}: the web server ({user}) cannot write here: {effect}"),
        };
        findings
            .wrong(place.clone(), found)
            .accepted(format!("chmod {}", symbolic(missing, 0)))
            .fix(Some(Fix::Mode { paths: vec![path.to_path_buf()], add: missing, remove: 0 }));
    }
    if mode & OTHERS_WRITE != 0 {
        findings
            .note(Grade::Unsafe, place, format!("mode {mode:o}: every user of this computer can write here"))
            .accepted("chmod o-w")
            .fix(Some(Fix::Mode { paths: vec![path.to_path_buf()], add: 0, remove: OTHERS_WRITE }));
    }
}

/// By which of a file's permissions an account gets at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Owner,
    Group,
    Other,
}

impl Access {
    fn of(account: &Account, entry: &Entry) -> Self {
        if entry.uid == account.uid {
            Self::Owner
        } else if account.gids.contains(&entry.gid) {
            Self::Group
        } else {
            Self::Other
        }
    }
}

/// The subdirectories of download/: those that a daemon or an admin's program made belong to them.
fn check_fan_out(account: &Account, download: &Path, findings: &mut Findings) {
    let is_fan_out =
        |name: &str| (1..=3).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
    let is_closed = |path: &Path| {
        let Ok(entry) = entry_at(path) else { return false };
        let wanted = match Access::of(account, &entry) {
            Access::Owner => 0o300,
            Access::Group => 0o030,
            Access::Other => 0o003,
        };
        entry.mode & wanted != wanted
    };
    let closed: Vec<PathBuf> = sorted(download)
        .into_iter()
        .filter(|(name, path)| path.is_dir() && is_fan_out(name) && is_closed(path))
        .map(|(_, path)| path)
        .collect();
    let Some(first) = closed.first() else { return };
    let (user, count, first) = (&account.name, closed.len(), first.display());
    let found = format!("the web server ({user}) cannot write to {count} subdirectories, such as {first}");
    findings.wrong(Location::file(download), found).accepted("chmod g+rwxs on each").fix(Some(Fix::Mode {
        paths: closed,
        add: SHARED,
        remove: 0,
    }));
}

/// Checks a file that the web server has to read, and others must not.
pub(super) fn check_secret(
    subject: &Subject<'_>,
    path: &Path,
    place: Location,
    found: &str,
    findings: &mut Findings,
) {
    let Ok(entry) = entry_at(path) else { return };
    let mode = entry.mode & 0o7777;
    if mode & 0o007 == 0 {
        return;
    }
    let access = subject.host.web_user.as_ref().map(|account| Access::of(account, &entry));
    let stays_readable = match access {
        Ok(Access::Owner) => true,
        Ok(Access::Group) => mode & 0o040 != 0,
        _ => false,
    };
    let finding = findings.note(Grade::Unsafe, place, format!("mode {mode:o}: {found}"));
    finding.accepted("chmod o-rwx");
    if stays_readable {
        finding.fix(Some(Fix::Mode { paths: vec![path.to_path_buf()], add: 0, remove: 0o007 }));
    } else {
        finding.help("first give it a group that the web server's account is in, and run chmod g+r: the web server reads it");
    }
}

/// Checks the keys that sign app versions and uploads.
pub(super) fn check_keys(subject: &Subject<'_>, findings: &mut Findings) {
    let dir = subject.project.directory("key_dir", "keys");
    for name in ["code_sign_public", "upload_private", "upload_public"] {
        let path = dir.join(name);
        if !path.is_file() {
            findings.wrong(Location::file(&path), "this key does not exist").help(
                "create a pair with bin/crypt_prog -genkey 1024 PRIVATE PUBLIC; after a new code_sign pair, all volunteers have to attach again",
            );
        }
    }
    let path = dir.join("upload_private");
    let found = "every user of this computer can read the key that signs permissions to upload";
    check_secret(subject, &path, Location::file(&path), found, findings);
    let path = dir.join("code_sign_private");
    let Some(mode) = mode_of(&path) else { return };
    if mode & 0o077 != 0 {
        let found =
            format!("mode {mode:o}: other users can use the key that signs programs for all volunteers");
        findings
            .note(Grade::Unsafe, Location::file(&path), found)
            .accepted("chmod go-rwx")
            .fix(Some(Fix::Mode { paths: vec![path.clone()], add: 0, remove: 0o077 }));
    }
    findings
        .note(
            Grade::Unsafe,
            Location::file(&path),
            "the key that signs programs is on the server: an intruder can run any program on all volunteers' computers",
        )
        .help(
            "keep it on a computer without network, sign there with sign_executable, and copy NAME.sig next to each file",
        );
}

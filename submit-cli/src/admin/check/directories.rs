//! Directories that the web server writes to, and the keys. Sources: py/Boinc/setup_project.py, sched/sched_util_basic.cpp
//! (`get_log_path`), html/inc/dir_hier.inc, html/user/submit_rpc_handler.php (`make_output_template`).

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use boinc::platform::Entry;

use super::{Findings, Grade, Subject, mode_of};
use crate::admin::fix::{Fix, symbolic};
use crate::admin::server_host::Account;
use boinc::diagnostic::{Diagnostic, Place};

/// Read, write, enter, and files in it belong to its group.
const SHARED: u32 = 0o2070;
const OTHERS_WRITE: u32 = 0o002;

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let project = subject.project;
    let account = match &subject.host.web_user {
        Ok(account) => account,
        Err(error) => {
            let what = Diagnostic::new(
                Place::file(&project.dir),
                format!("which directories the web server can write: {error}"),
            );
            findings.note(Grade::Unchecked, what.help("name its account with --web-user"));
            return;
        }
    };
    let host = &subject.host.name;
    let directories = [
        (project.download_dir(), "uploaded inputs cannot be kept"),
        (project.directory("upload_dir", "upload"), "volunteers' results cannot be kept"),
        (project.dir.join("templates"), "no batch can be submitted"),
        (project.dir.join("templates/tmp"), "no batch can be submitted"),
        (
            project.dir.join(format!("log_{host}")),
            "the scheduler answers \"Server can't open log file\", and clients say that the project is down",
        ),
    ];
    for (path, effect) in directories {
        directory(subject, account, &path, effect, findings);
    }
    fan_out(account, &project.download_dir(), findings);
}

fn directory(subject: &Subject<'_>, account: &Account, path: &Path, effect: &str, findings: &mut Findings) {
    let place = Place::file(path);
    let Ok(metadata) = path.metadata() else {
        let parent_exists = path.parent().is_some_and(Path::is_dir);
        let fix = parent_exists.then(|| Fix::Directory { path: path.to_path_buf(), mode: 0o2775 });
        let what = Diagnostic::new(place, format!("there is no such directory: {effect}"));
        findings.note_fixable(
            Grade::Wrong,
            what.accepted("a directory with mode 2775, whose group has the web server's account"),
            fix,
        );
        return;
    };
    let mode = mode_of(path).unwrap_or_default();
    let standing = Standing::of(account, &metadata);
    if standing == Standing::Other {
        let group = subject.host.group_name(Entry::from(&metadata).gid);
        let user = &account.name;
        let found = if mode & 0o007 == 0o007 {
            format!("the web server ({user}) can write here only because everybody can")
        } else {
            format!("the web server ({user}) is not in its group, {group}: {effect}")
        };
        let grade = if mode & 0o007 == 0o007 { Grade::Unsafe } else { Grade::Wrong };
        let help = format!("as root: usermod -aG {group} {user}, restart the web server, then chmod 2775");
        findings.note(grade, Diagnostic::new(place, found).help(help));
        return;
    }
    let wanted = match standing {
        Standing::Owner => 0o700,
        Standing::Group | Standing::Other => SHARED,
    };
    let missing = wanted & !mode;
    if missing != 0 {
        let found = match missing & 0o777 {
            0 => "its set-group-id bit is not set: what the web server puts here gets a group of its own, and file_deleter can't remove it".to_owned(),
            _ => format!("mode {mode:o}: the web server ({}) cannot write here: {effect}", account.name),
        };
        let what = Diagnostic::new(place.clone(), found).accepted(format!("chmod {}", symbolic(missing, 0)));
        let fix = Fix::Mode { paths: vec![path.to_path_buf()], add: missing, remove: 0 };
        findings.note_fixable(Grade::Wrong, what, Some(fix));
    }
    if mode & OTHERS_WRITE != 0 {
        let what =
            Diagnostic::new(place, format!("mode {mode:o}: every user of this computer can write here"))
                .accepted("chmod o-w");
        let fix = Fix::Mode { paths: vec![path.to_path_buf()], add: 0, remove: OTHERS_WRITE };
        findings.note_fixable(Grade::Unsafe, what, Some(fix));
    }
}

/// What the account is to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Owner,
    Group,
    Other,
}

impl Standing {
    fn of(account: &Account, metadata: &Metadata) -> Self {
        let entry = Entry::from(metadata);
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
fn fan_out(account: &Account, download: &Path, findings: &mut Findings) {
    let is_fan_out = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| (1..=3).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let entries = std::fs::read_dir(download).into_iter().flatten().flatten();
    let closed: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && is_fan_out(path))
        .filter(|path| {
            let mode = mode_of(path).unwrap_or_default();
            match path.metadata().map(|metadata| Standing::of(account, &metadata)) {
                Ok(Standing::Owner) => mode & 0o300 != 0o300,
                Ok(Standing::Group) => mode & 0o030 != 0o030,
                _ => mode & 0o003 != 0o003,
            }
        })
        .collect();
    if closed.is_empty() {
        return;
    }
    let mut closed = closed;
    closed.sort();
    let found = format!(
        "the web server ({}) cannot write to {} of its subdirectories, as {}",
        account.name,
        closed.len(),
        closed[0].display()
    );
    let what = Diagnostic::new(Place::file(download), found).accepted("chmod g+rwxs on each");
    let fix = Fix::Mode { paths: closed, add: SHARED, remove: 0 };
    findings.note_fixable(Grade::Wrong, what, Some(fix));
}

/// A file that the web server has to read, and others have not.
pub(super) fn readable_by_all(
    subject: &Subject<'_>,
    path: &Path,
    place: Place,
    found: &str,
    findings: &mut Findings,
) {
    let (Some(mode), Ok(metadata)) = (mode_of(path), path.metadata()) else { return };
    if mode & 0o007 == 0 {
        return;
    }
    let standing = subject.host.web_user.as_ref().map(|account| Standing::of(account, &metadata));
    let stays_readable = match standing {
        Ok(Standing::Owner) => true,
        Ok(Standing::Group) => mode & 0o040 != 0,
        _ => false,
    };
    let fix = Fix::Mode { paths: vec![path.to_path_buf()], add: 0, remove: 0o007 };
    let what = Diagnostic::new(place, format!("mode {mode:o}: {found}")).accepted("chmod o-rwx");
    match stays_readable {
        true => findings.note_fixable(Grade::Unsafe, what, Some(fix)),
        false => findings.note(
            Grade::Unsafe,
            what.help("the web server has to read it: first give it a group that the web server's account is in, and chmod g+r"),
        ),
    }
}

/// The keys that sign app versions and uploads.
pub(super) fn keys(subject: &Subject<'_>, findings: &mut Findings) {
    let dir = subject.project.directory("key_dir", "keys");
    for name in ["code_sign_public", "upload_private", "upload_public"] {
        let path = dir.join(name);
        if !path.is_file() {
            let what = Diagnostic::new(Place::file(&path), "there is no such key");
            let help = "bin/crypt_prog -genkey 1024 PRIVATE PUBLIC makes a pair; a new code_sign pair needs all volunteers to attach again";
            findings.note(Grade::Wrong, what.help(help));
        }
    }
    let path = dir.join("upload_private");
    let found = "every user of this computer can read the key that signs permissions to upload";
    readable_by_all(subject, &path, Place::file(&path), found, findings);
    let path = dir.join("code_sign_private");
    let Some(mode) = mode_of(&path) else { return };
    if mode & 0o077 != 0 {
        let what = Diagnostic::new(
            Place::file(&path),
            format!(
                "mode {mode:o}: others than its owner can use the key that signs programs for all volunteers"
            ),
        );
        let fix = Fix::Mode { paths: vec![path.clone()], add: 0, remove: 0o077 };
        findings.note_fixable(Grade::Unsafe, what.accepted("chmod go-rwx"), Some(fix));
    }
    let what = Diagnostic::new(
        Place::file(&path),
        "the key that signs programs is on the server: whoever breaks in can have all volunteers run anything",
    );
    let help = "keep it on a computer without network, sign there with sign_executable, and bring NAME.sig beside each file";
    findings.note(Grade::Unsafe, what.help(help));
}

//! `config.xml`: the settings. Sources: py/Boinc/setup_project.py, sched/sched_config.cpp, html/inc/submit_util.inc.

use std::net::IpAddr;
use std::path::Path;

use super::{Findings, Grade, Subject};
use crate::admin::fix::Fix;
use crate::admin::project_files::XmlFile;
use boinc::diagnostic::{Diagnostic, Place};
use boinc::xml::Element;

/// Settings that a server cannot do without, and what each holds.
const REQUIRED: [(&str, &str); 11] = [
    ("host", "the computer's name, without its domain"),
    ("db_name", "the database's name"),
    ("db_user", "an account of the database"),
    ("shmem_key", "a number of the project's own, as 0x1111beef"),
    ("uldl_dir_fanout", "1024"),
    ("master_url", "the project's address, ending in /"),
    ("download_url", "the address that download_dir is served at"),
    ("download_dir", "a directory"),
    ("upload_url", "the address of file_upload_handler"),
    ("upload_dir", "a directory"),
    ("key_dir", "the directory of the keys"),
];

/// Files that stop a part of a project while they are there (html/inc/util_basic.inc, sched/sched_util.cpp).
const STOPPERS: [(&str, &str); 3] = [
    ("stop_web", "the web pages and remote submission are closed"),
    ("stop_sched", "the scheduler sends no jobs"),
    ("stop_daemons", "no daemon runs"),
];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    for (name, effect) in STOPPERS {
        let path = subject.project.dir.join(name);
        if path.exists() {
            let what = Diagnostic::new(Place::file(&path), format!("the project is stopped: {effect}"));
            findings.note(Grade::Advice, what.help("bin/start, or remove the file, when the work is done"));
        }
    }
    let file = match &subject.project.config {
        Ok(file) => file,
        Err(error) => {
            let place = Place::file(&subject.project.dir.join("config.xml"));
            findings.note(Grade::Wrong, Diagnostic::new(place, format!("cannot be read: {error}")));
            return;
        }
    };
    super::xml_faults(file, findings);
    let config = file.xml.root("boinc").and_then(|boinc| boinc.child("config"));
    let Some(config) = config else {
        let what = Diagnostic::new(Place::file(&file.path), "it has no <boinc><config>");
        findings.note(Grade::Wrong, what.accepted("<boinc><config> … </config> <tasks/> <daemons/></boinc>"));
        return;
    };
    required(file, config, findings);
    host(subject, file, config, findings);
    addresses(file, config, findings);
    directories(subject, file, config, findings);
    fan_out(file, config, findings);
    submit_log(file, config, findings);
    replication(file, config, findings);
    secret(subject, file, config, findings);
}

fn required(file: &XmlFile, config: &Element, findings: &mut Findings) {
    for (name, accepted) in REQUIRED {
        let mut all = config.children_named(name);
        match all.next() {
            None => {
                let what = Diagnostic::new(file.place(config), format!("<{name}> is missing"));
                findings.note(Grade::Wrong, what.accepted(accepted));
            }
            Some(setting) if setting.text.is_empty() => {
                let what = Diagnostic::new(file.place(setting), format!("<{name}> is empty"));
                findings.note(Grade::Wrong, what.accepted(accepted));
            }
            Some(_) => {}
        }
        if let Some(second) = all.next() {
            let what = Diagnostic::new(file.place(second), format!("<{name}> is set a second time"));
            let help = "keep one: the programs take the last, the web pages the first";
            findings.note(Grade::Wrong, what.help(help));
        }
    }
}

fn host(subject: &Subject<'_>, file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(host) = config.child("host").filter(|host| !host.text.is_empty()) else { return };
    let name = &subject.host.name;
    if host.text != *name {
        let fix = Fix::Text {
            file: file.path.clone(),
            range: host.inner.clone(),
            old: file.text[host.inner.clone()].to_owned(),
            new: name.clone(),
        };
        let what = Diagnostic::new(file.place(host), format!("<host> is {:?}", host.text))
            .accepted(format!("{name:?}, this computer's name; else bin/start finds no daemon of its own"));
        findings.note_fixable(Grade::Wrong, what, Some(fix));
    }
}

fn addresses(file: &XmlFile, config: &Element, findings: &mut Findings) {
    for name in ["master_url", "download_url", "upload_url"] {
        let Some(setting) = config.child(name).filter(|setting| !setting.text.is_empty()) else { continue };
        let url = setting.text.as_str();
        let place = file.place(setting);
        match url.strip_prefix("http://") {
            Some(rest) if !is_loopback(rest) => {
                let what = Diagnostic::new(place, format!("<{name}> is {url}, which is not encrypted"))
                    .accepted("an address with https://");
                findings.note(
                    Grade::Unsafe,
                    what.help("submitters' and volunteers' account keys can be read on the way"),
                );
            }
            Some(_) => {}
            None if !url.starts_with("https://") => {
                let what = Diagnostic::new(place, format!("<{name}> is {url:?}"));
                findings.note(Grade::Wrong, what.accepted("an address with https://"));
                continue;
            }
            None => {}
        }
        if name == "master_url" && !url.ends_with('/') {
            let what = Diagnostic::new(file.place(setting), format!("<master_url> is {url}"));
            findings.note(Grade::Wrong, what.accepted("an address that ends in /"));
        }
    }
}

/// Whether what follows `http://` begins with this computer itself.
fn is_loopback(rest: &str) -> bool {
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn directories(subject: &Subject<'_>, file: &XmlFile, config: &Element, findings: &mut Findings) {
    for (name, default) in [("download_dir", "download"), ("upload_dir", "upload"), ("key_dir", "keys")] {
        let Some(setting) = config.child(name).filter(|setting| !setting.text.is_empty()) else { continue };
        let path = Path::new(&setting.text);
        if !path.is_absolute() || !path.is_dir() {
            let found = format!("<{name}> is {}, which is no directory", setting.text);
            let what = Diagnostic::new(file.place(setting), found);
            let default = subject.project.dir.join(default);
            findings.note(Grade::Wrong, what.accepted(format!("an absolute path, as {}", default.display())));
        }
    }
}

fn fan_out(file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(setting) = config.child("uldl_dir_fanout").filter(|setting| !setting.text.is_empty()) else {
        return;
    };
    if !setting.text.parse::<u32>().is_ok_and(|fan_out| fan_out >= 1) {
        let what = Diagnostic::new(file.place(setting), format!("<uldl_dir_fanout> is {:?}", setting.text));
        findings.note(
            Grade::Wrong,
            what.accepted(
                "the number of subdirectories of download/ and upload/, 1024; never change it later",
            ),
        );
    }
}

/// PHP 8.1 and later adds two notes to each reply, and the log holds requests.
fn submit_log(file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(setting) = config.child("remote_submit_log").filter(|setting| !setting.text.is_empty()) else {
        return;
    };
    let old = file.text[setting.span.clone()].to_owned();
    // A comment cannot hold two hyphens.
    let fix = (!old.contains("--")).then(|| Fix::Text {
        file: file.path.clone(),
        range: setting.span.clone(),
        new: format!("<!-- {old} -->"),
        old,
    });
    let what = Diagnostic::new(
        file.place(setting),
        "<remote_submit_log> is set: PHP 8.1 and later put two \"Deprecated\" notes into each reply",
    );
    findings.note_fixable(Grade::Wrong, what.help("take the line out"), fix);
}

fn replication(file: &XmlFile, config: &Element, findings: &mut Findings) {
    if !config.flag("one_result_per_user_per_wu") {
        let place = config.child("one_result_per_user_per_wu").unwrap_or(config);
        let what = Diagnostic::new(
            file.place(place),
            "one volunteer may get several copies of a job, and so agree with themself on a false result",
        );
        findings
            .note(Grade::Unsafe, what.accepted("<one_result_per_user_per_wu>1</one_result_per_user_per_wu>"));
    }
}

/// The database's password is in it.
fn secret(subject: &Subject<'_>, file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(password) = config.child("db_passwd").filter(|password| !password.text.is_empty()) else {
        return;
    };
    let found = "every user of this computer can read the database's password";
    super::directories::readable_by_all(subject, &file.path, file.place(password), found, findings);
}

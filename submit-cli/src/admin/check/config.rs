//! `config.xml`: the settings. Sources: py/Boinc/setup_project.py, sched/sched_config.cpp, html/inc/submit_util.inc.

use std::net::IpAddr;
use std::path::Path;

use boinc::diagnostic::Location;
use boinc::xml::Element;

use super::{Findings, Grade, Subject};
use crate::admin::project_files::XmlFile;

/// Settings that a server cannot do without, and what each holds.
const REQUIRED: [(&str, &str); 11] = [
    ("host", "the host name of this computer, without its domain"),
    ("db_name", "the database's name"),
    ("db_user", "an account of the database"),
    ("shmem_key", "a number that no other project on this server has, such as 0x1111beef"),
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

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (name, effect) in STOPPERS {
        let path = subject.project.dir.join(name);
        if path.exists() {
            findings
                .note(Grade::Advice, Location::file(&path), format!("the project is stopped: {effect}"))
                .help("run bin/start, or remove the file, when the maintenance is done");
        }
    }
    let file = match &subject.project.config {
        Ok(file) => file,
        Err(error) => {
            findings.unreadable(&subject.project.dir.join("config.xml"), error);
            return;
        }
    };
    findings.xml_faults(file);
    let Some(config) = file.xml.root("boinc").and_then(|boinc| boinc.child("config")) else {
        findings
            .wrong(Location::file(&file.path), "missing <boinc><config>")
            .accepted("<boinc><config> … </config> <tasks/> <daemons/></boinc>");
        return;
    };
    check_required(file, config, findings);
    check_host(subject, file, config, findings);
    check_addresses(file, config, findings);
    check_directories(subject, file, config, findings);
    check_fan_out(file, config, findings);
    check_submit_log(file, config, findings);
    check_replication(file, config, findings);
    // The database's password is in this file.
    if let Some(password) = given(config, "db_passwd") {
        let found = "every user of this computer can read the database's password";
        super::directories::check_secret(subject, &file.path, file.place(password), found, findings);
    }
}

/// A setting that is there and not empty.
fn given<'c>(config: &'c Element, name: &str) -> Option<&'c Element> {
    config.child(name).filter(|setting| !setting.text.is_empty())
}

fn check_required(file: &XmlFile, config: &Element, findings: &mut Findings) {
    for (name, accepted) in REQUIRED {
        let mut all = config.children_named(name);
        match all.next() {
            None => {
                findings.wrong(file.place(config), format!("missing <{name}>")).accepted(accepted);
            }
            Some(setting) if setting.text.is_empty() => {
                findings.wrong(file.place(setting), format!("<{name}> is empty")).accepted(accepted);
            }
            Some(_) => {}
        }
        if let Some(second) = all.next() {
            findings
                .wrong(file.place(second), format!("<{name}> is set twice"))
                .help("keep one: BOINC's programs use the last, its web pages the first");
        }
    }
}

fn check_host(subject: &Subject<'_>, file: &XmlFile, config: &Element, findings: &mut Findings) {
    let name = &subject.host.name;
    if let Some(host) = given(config, "host").filter(|host| host.text != *name) {
        findings
            .wrong(file.place(host), format!("<host> is {:?}", host.text))
            .accepted(format!(
                "{name:?}, this computer's name: bin/start starts only the daemons of this host"
            ))
            .fix(Some(file.replace(host.inner.clone(), name.clone())));
    }
}

fn check_addresses(file: &XmlFile, config: &Element, findings: &mut Findings) {
    for name in ["master_url", "download_url", "upload_url"] {
        let Some(setting) = given(config, name) else { continue };
        let url = setting.text.as_str();
        let place = file.place(setting);
        match url.strip_prefix("http://") {
            Some(rest) if !is_loopback(rest) => {
                findings
                    .note(Grade::Unsafe, place, format!("<{name}> is {url}, which is not encrypted"))
                    .accepted("an address with https://")
                    .help("use https: account keys of submitters and volunteers can be read on the network otherwise");
            }
            None if !url.starts_with("https://") => {
                findings.wrong(place, format!("<{name}> is {url:?}")).accepted("an address with https://");
                continue;
            }
            _ => {}
        }
        if name == "master_url" && !url.ends_with('/') {
            findings
                .wrong(file.place(setting), format!("<master_url> is {url}"))
                .accepted("an address that ends in /");
        }
    }
}

/// Whether what follows `http://` starts with this computer itself.
fn is_loopback(rest: &str) -> bool {
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_directories(subject: &Subject<'_>, file: &XmlFile, config: &Element, findings: &mut Findings) {
    for (name, default) in [("download_dir", "download"), ("upload_dir", "upload"), ("key_dir", "keys")] {
        let Some(setting) = given(config, name) else { continue };
        let path = Path::new(&setting.text);
        if !path.is_absolute() || !path.is_dir() {
            let default = subject.project.dir.join(default);
            findings
                .wrong(file.place(setting), format!("<{name}> is {}, which is not a directory", setting.text))
                .accepted(format!("an absolute path, such as {}", default.display()));
        }
    }
}

fn check_fan_out(file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(setting) = given(config, "uldl_dir_fanout") else { return };
    if !setting.text.parse::<u32>().is_ok_and(|fan_out| fan_out >= 1) {
        findings
            .wrong(file.place(setting), format!("<uldl_dir_fanout> is {:?}", setting.text))
            .accepted("1024, the number of subdirectories of download/ and upload/; never change it later");
    }
}

/// PHP 8.1 and later adds two notes to each reply, and the log holds requests.
fn check_submit_log(file: &XmlFile, config: &Element, findings: &mut Findings) {
    let Some(setting) = given(config, "remote_submit_log") else { return };
    let old = &file.text[setting.span.clone()];
    // A comment cannot hold two hyphens.
    let fix = (!old.contains("--")).then(|| file.replace(setting.span.clone(), format!("<!-- {old} -->")));
    findings
        .wrong(
            file.place(setting),
            "<remote_submit_log> is set: PHP 8.1 and later add two \"Deprecated\" notes to each reply",
        )
        .help("remove this line")
        .fix(fix);
}

fn check_replication(file: &XmlFile, config: &Element, findings: &mut Findings) {
    if !config.flag("one_result_per_user_per_wu") {
        let place = config.child("one_result_per_user_per_wu").unwrap_or(config);
        findings
            .note(
                Grade::Unsafe,
                file.place(place),
                "a volunteer with two computers can get two copies of a job, and validate their own result",
            )
            .accepted("<one_result_per_user_per_wu>1</one_result_per_user_per_wu>");
    }
}

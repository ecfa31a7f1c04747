//! The app versions in `apps/`, as `update_versions` would take them. Source: tools/update_versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boinc::diagnostic::Location;
use boinc::xml::Element;

use super::{Findings, Grade, Subject};
use crate::admin::app_version::Number;
use crate::admin::project_files::{XmlFile, name_of, sorted};
use crate::package::single::is_wrapper_name;
use crate::plan::content::Content;
use crate::plan::content::hash;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let apps_dir = subject.project.dir.join("apps");
    for (app, dir) in directories(&apps_dir) {
        if subject.project.project.is_ok() && !subject.project.apps().any(|known| name_of(known) == app) {
            findings
                .wrong(
                    Location::file(&dir),
                    format!(
                        "project.xml does not list the app {app:?}: update_versions stops here, and installs no further version"
                    ),
                )
                .help(format!(
                    "add <app><name>{app}</name>…</app> to project.xml and run bin/xadd, or move the directory away"
                ));
        }
        check_versions(subject, &app, &dir, findings);
        check_threads(subject, &app, &dir, findings);
    }
    for app in subject.apps() {
        let dir = apps_dir.join(app);
        if !directories(&dir).iter().any(|(_, version)| !directories(version).is_empty()) {
            let project = subject.project.dir.display();
            findings
                .wrong(
                    Location::file(&dir),
                    format!("the app {app} has no version: no volunteer can run its jobs"),
                )
                .help(format!("run buoy admin app-version {project} --app {app} --number 1.00 --dist DIR"));
        }
    }
}

/// The directories in a directory, by name; update_versions ignores names that start with a dot.
pub(super) fn directories(dir: &Path) -> Vec<(String, PathBuf)> {
    let mut list = sorted(dir);
    list.retain(|(name, path)| !name.starts_with('.') && path.is_dir());
    list
}

fn check_versions(subject: &Subject<'_>, app: &str, dir: &Path, findings: &mut Findings) {
    let mut numbers: BTreeMap<u64, String> = BTreeMap::new();
    for (version, dir) in directories(dir) {
        let Some(number) = Number::of_directory(&version) else {
            let found = "not a version number: update_versions ignores this directory";
            findings.note(Grade::Advice, Location::file(&dir), found);
            continue;
        };
        if let Some(other) = numbers.insert(number, version.clone()) {
            findings
                .wrong(Location::file(&dir), format!("BOINC treats this and {other} as the same version"));
        }
        for (name, dir) in directories(&dir) {
            check_platform(subject, app, &name, &dir, findings);
        }
    }
}

/// Whether jobs for one CPU can get a version for several. The scheduler takes the version that it expects to be the fastest for
/// a host, whatever the job needs (sched/sched_version.cpp, get_app_version).
fn check_threads(subject: &Subject<'_>, app: &str, dir: &Path, findings: &mut Findings) {
    let versions = directories(dir).into_iter().flat_map(|(_, version)| directories(&version));
    let mut classes: Vec<String> =
        versions.filter_map(|(name, _)| Some(name.split_once("__")?.1.to_owned())).collect();
    classes.sort();
    classes.dedup();
    let is_multi = |class: &str| {
        let spec = subject.project.class(class)?;
        let number = |key| spec.child(key).and_then(|child| child.text.parse::<f64>().ok()).unwrap_or(0.0);
        let is_multi = ["min_ncpus", "max_threads", "avg_ncpus"].into_iter().any(|key| number(key) > 1.0);
        (spec.flag("docker") && spec.child("gpu_type").is_none()).then_some(is_multi)
    };
    let find = |wanted: bool| classes.iter().find(|class| is_multi(class) == Some(wanted));
    if let (Some(single), Some(multi)) = (find(false), find(true)) {
        findings
            .note(
                Grade::Advice,
                Location::file(dir),
                format!(
                    "the app {app} has versions of {single} and {multi}: the scheduler gives jobs for one CPU the version of {multi} too"
                ),
            )
            .help(format!("use an app of its own for {multi}, and deprecate its versions here"));
    }
}

fn check_platform(subject: &Subject<'_>, app: &str, name: &str, dir: &Path, findings: &mut Findings) {
    let project = subject.project;
    let (platform, class) = name.split_once("__").unwrap_or((name, ""));
    let class = class.split("__").next().unwrap_or_default();
    let boinc = project.project.as_ref().ok().and_then(|file| file.xml.root("boinc"));
    let is_known =
        boinc.is_none_or(|boinc| boinc.children_named("platform").any(|known| name_of(known) == platform));
    if !is_known {
        let found = format!(
            "project.xml does not list the platform {platform:?}: update_versions ignores this directory"
        );
        findings.wrong(Location::file(dir), found);
    }
    let spec = project.class(class);
    if !class.is_empty() && spec.is_none() && project.plan_classes.is_ok() {
        let found =
            format!("plan_class_spec.xml has no plan class {class:?}: no volunteer gets this version");
        findings.wrong(Location::file(dir), found);
    }
    let mut files = sorted(dir);
    files.retain(|(name, path)| {
        !name.starts_with('.') && name != "version.xml" && !name.ends_with(".sig") && path.is_file()
    });
    let is_ours = files.iter().any(|(name, _)| is_wrapper_name(name));
    if is_ours && !spec.is_some_and(|spec| spec.flag("docker")) && (spec.is_some() || class.is_empty()) {
        let found = "computers without Docker or Podman get this version with buoy-wrapper too";
        findings.wrong(Location::file(dir), found).accepted("a plan class with <docker/>");
    }
    let path = dir.join("version.xml");
    match XmlFile::read(path.clone()) {
        Ok(file) => check_version_xml(&file, &files, findings),
        Err(error) if files.len() != 1 => {
            findings
                .unreadable(&path, &error)
                .help("add it: without version.xml, a version has one file, the main program");
        }
        Err(_) => {}
    }
    check_published(subject, app, &files, findings);
}

fn check_version_xml(file: &XmlFile, files: &[(String, PathBuf)], findings: &mut Findings) {
    findings.xml_faults(file);
    let Some(version) = file.xml.roots.first().filter(|_| file.xml.roots.len() == 1) else {
        findings.wrong(Location::file(&file.path), "expected one <version> element");
        return;
    };
    let physical = |entry: &'_ Element| entry.child("physical_name").map(|name| name.text.clone());
    let listed: Vec<&Element> = version.children_named("file").collect();
    for entry in &listed {
        let name = physical(entry).unwrap_or_default();
        if !name.contains('/') && !files.iter().any(|(known, _)| *known == name) {
            let found = format!("{name:?} is listed but missing: the version is not installed");
            findings.wrong(file.place(entry), found);
        }
    }
    let programs = listed.iter().filter(|entry| entry.flag("main_program")).count();
    if programs != 1 && listed.len() + files.len() > 2 {
        let found = format!("{programs} files with <main_program/>: the version is not installed");
        findings.wrong(file.place(version), found).accepted("one");
    }
    for (name, _) in files {
        if !listed.iter().any(|entry| physical(entry).as_deref() == Some(name)) {
            let found = format!(
                "{name} is in the directory but not listed: volunteers download it, and it gets no name in the slot"
            );
            findings.note(Grade::Advice, Location::file(&file.path), found).help("list it, or move it away");
        }
    }
}

/// What volunteers have under a name never changes.
fn check_published(subject: &Subject<'_>, app: &str, files: &[(String, PathBuf)], findings: &mut Findings) {
    let content = |path: &Path| hash(&Content::Path(path.to_path_buf())).ok();
    for (name, path) in files {
        let published = subject.project.download_dir().join(name);
        if published.is_file() && content(path) != content(&published) {
            findings
                .wrong(
                    Location::file(path),
                    format!(
                        "{} has other content: update_versions stops here, at {app}, and installs no further app",
                        published.display()
                    ),
                )
                .help("write a new version: published files never change");
        }
    }
}

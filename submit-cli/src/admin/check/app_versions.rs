//! The app versions in `apps/`, as `update_versions` would take them. Source: tools/update_versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Findings, Grade, Subject};
use crate::admin::app_version::Number;
use crate::admin::project_files::{XmlFile, name_of};
use crate::plan::content::Content;
use crate::plan::content::hash;
use boinc::diagnostic::{Diagnostic, Place};
use boinc::xml::Element;

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let apps_dir = subject.project.dir.join("apps");
    for (app, dir) in directories(&apps_dir) {
        if subject.project.project.is_ok() && !subject.project.apps().any(|known| name_of(known) == app) {
            let found = format!(
                "project.xml has no app {app:?}: update_versions stops here, and installs nothing after it"
            );
            let what = Diagnostic::new(Place::file(&dir), found);
            let help = format!(
                "add <app><name>{app}</name>…</app> to project.xml and run bin/xadd, or move the directory away"
            );
            findings.note(Grade::Wrong, what.help(help));
        }
        app_versions(subject, &app, &dir, findings);
    }
    for app in subject.apps() {
        let versions = directories(&apps_dir.join(app));
        if !versions.iter().any(|(_, version)| !directories(version).is_empty()) {
            let what = Diagnostic::new(
                Place::file(&apps_dir.join(app)),
                format!("the app {app} has no version: no volunteer can run its jobs"),
            );
            let dir = subject.project.dir.display();
            findings.note(
                Grade::Wrong,
                what.help(format!("buoy admin app-version {dir} --app {app} --number 1.00")),
            );
        }
    }
}

/// The directories in a directory, by name; update_versions passes over names that begin with a point.
pub(super) fn directories(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut list: Vec<(String, PathBuf)> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, path)| !name.starts_with('.') && path.is_dir())
        .collect();
    list.sort();
    list
}

fn app_versions(subject: &Subject<'_>, app: &str, dir: &Path, findings: &mut Findings) {
    let mut numbers: BTreeMap<u64, String> = BTreeMap::new();
    for (version, dir) in directories(dir) {
        let Some(number) = Number::of_directory(&version) else {
            let what =
                Diagnostic::new(Place::file(&dir), "not a version number; update_versions passes over it");
            findings.note(Grade::Advice, what);
            continue;
        };
        if let Some(other) = numbers.insert(number, version.clone()) {
            let found = format!("BOINC takes this and {other} for the same version");
            findings.note(Grade::Wrong, Diagnostic::new(Place::file(&dir), found));
        }
        for (name, dir) in directories(&dir) {
            platform(subject, app, &name, &dir, findings);
        }
    }
}

fn platform(subject: &Subject<'_>, app: &str, name: &str, dir: &Path, findings: &mut Findings) {
    let project = subject.project;
    let (platform, class) = name.split_once("__").unwrap_or((name, ""));
    let class = class.split("__").next().unwrap_or_default();
    let boinc = project.project.as_ref().ok().and_then(|file| file.xml.root("boinc"));
    let known =
        boinc.is_none_or(|boinc| boinc.children_named("platform").any(|known| name_of(known) == platform));
    if !known {
        let found = format!("project.xml has no platform {platform:?}; update_versions passes over this");
        findings.note(Grade::Wrong, Diagnostic::new(Place::file(dir), found));
    }
    let spec = project.class(class);
    if !class.is_empty() && spec.is_none() && project.plan_classes.is_ok() {
        let found = format!("plan_class_spec.xml has no plan class {class:?}: nobody gets this version");
        findings.note(Grade::Wrong, Diagnostic::new(Place::file(dir), found));
    }
    let files = files(dir);
    let is_ours = files.iter().any(|(name, _)| name.starts_with("buoy-wrapper_"));
    if is_ours && !spec.is_some_and(|spec| spec.flag("docker")) && (spec.is_some() || class.is_empty()) {
        let what = Diagnostic::new(
            Place::file(dir),
            "a version with buoy-wrapper that computers without Docker or Podman get too",
        );
        findings.note(Grade::Wrong, what.accepted("a plan class with <docker/>"));
    }
    match XmlFile::read(dir.join("version.xml")) {
        Ok(file) => version_xml(&file, &files, findings),
        Err(error) if files.len() != 1 => {
            let what =
                Diagnostic::new(Place::file(&dir.join("version.xml")), format!("cannot be read: {error}"));
            findings.note(
                Grade::Wrong,
                what.help("without it, update_versions takes a single file for the main program"),
            );
        }
        Err(_) => {}
    }
    published(subject, app, &files, findings);
}

/// The files of a version, but for version.xml and signatures.
fn files(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut list: Vec<(String, PathBuf)> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, path)| {
            !name.starts_with('.') && name != "version.xml" && !name.ends_with(".sig") && path.is_file()
        })
        .collect();
    list.sort();
    list
}

fn version_xml(file: &XmlFile, files: &[(String, PathBuf)], findings: &mut Findings) {
    super::xml_faults(file, findings);
    let Some(version) = file.xml.roots.first().filter(|_| file.xml.roots.len() == 1) else {
        findings.note(Grade::Wrong, Diagnostic::new(Place::file(&file.path), "not one <version> element"));
        return;
    };
    let physical = |entry: &'_ Element| entry.child("physical_name").map(|name| name.text.clone());
    let listed: Vec<&Element> = version.children_named("file").collect();
    for entry in &listed {
        let name = physical(entry).unwrap_or_default();
        if !name.contains('/') && !files.iter().any(|(known, _)| *known == name) {
            let what = Diagnostic::new(
                file.place(entry),
                format!("{name:?} is listed and not there; the version is not installed"),
            );
            findings.note(Grade::Wrong, what);
        }
    }
    let programs = listed.iter().filter(|entry| entry.flag("main_program")).count();
    if programs != 1 && listed.len() + files.len() > 2 {
        let what = Diagnostic::new(
            file.place(version),
            format!("{programs} files with <main_program/>; the version is not installed"),
        );
        findings.note(Grade::Wrong, what.accepted("one"));
    }
    for (name, _) in files {
        if !listed.iter().any(|entry| physical(entry).as_deref() == Some(name)) {
            let what = Diagnostic::new(
                Place::file(&file.path),
                format!(
                    "{name} lies beside it and is not listed: volunteers get it, without a name in the slot"
                ),
            );
            findings.note(Grade::Advice, what.help("list it, or take it away"));
        }
    }
}

/// What volunteers have under a name never changes.
fn published(subject: &Subject<'_>, app: &str, files: &[(String, PathBuf)], findings: &mut Findings) {
    let download = subject.project.download_dir();
    for (name, path) in files {
        let there = download.join(name);
        if !there.is_file() {
            continue;
        }
        let content = |path: &Path| hash(&Content::Path(path.to_path_buf())).ok();
        if content(path) != content(&there) {
            let found = format!(
                "{} has other content: update_versions stops here, with {app} and all apps after it",
                there.display()
            );
            let help = "files never change: write a new version";
            findings.note(Grade::Wrong, Diagnostic::new(Place::file(path), found).help(help));
        }
    }
}

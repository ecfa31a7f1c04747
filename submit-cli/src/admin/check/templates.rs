//! Template files on the server. Sources: tools/process_input_template.cpp, html/user/submit_rpc_handler.php.

use std::path::PathBuf;

use super::{Findings, Grade, Subject};
use crate::admin::fix::Fix;
use crate::admin::project_files::XmlFile;
use boinc::diagnostic::{Diagnostic, Place};
use boinc::xml::Element;

/// Larger files are no templates: a job's XML ends at 64 KB.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let dir = subject.project.dir.join("templates");
    let Ok(entries) = std::fs::read_dir(&dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let apps = subject.apps();
    for path in paths {
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES);
        if !is_file || path.to_string_lossy().contains(".before-fix-") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(app) = apps.iter().find(|app| *name == format!("{app}_in")) {
            let found = format!(
                "while this file is there, PHP 8 refuses every batch and estimate for {app}, whatever template it brings"
            );
            let help = "give it another name, and name it in the programs that use it";
            findings.note(Grade::Wrong, Diagnostic::new(Place::file(&path), found).help(help));
        }
        match XmlFile::read(path.clone()) {
            Ok(file) => template(&file, findings),
            Err(error) => {
                let what = Diagnostic::new(Place::file(&path), format!("cannot be read: {error}"));
                findings.note(Grade::Wrong, what);
            }
        }
    }
}

fn template(file: &XmlFile, findings: &mut Findings) {
    // Both kinds may come with or without an enclosing element.
    let enclosing = file.xml.roots.iter().find(|root| root.name.ends_with("_template"));
    let elements: &[Element] = enclosing.map_or(&file.xml.roots, |root| &root.children);
    let body = elements.iter().find(|element| matches!(element.name.as_str(), "workunit" | "result"));
    let Some(body) = body else { return };
    super::xml_faults(file, findings);
    let infos: Vec<&Element> = elements.iter().filter(|element| element.name == "file_info").collect();
    let refs = body.children_named("file_ref").count();
    if infos.len() != refs {
        let found = format!("{} <file_info> and {refs} <file_ref>", infos.len());
        let what = Diagnostic::new(file.place(body), found);
        findings.note(Grade::Wrong, what.accepted("a <file_ref> for each <file_info>, in the same order"));
    }
    if body.name == "workunit" {
        for info in infos {
            input(file, info, findings);
        }
    }
}

fn input(file: &XmlFile, info: &Element, findings: &mut Findings) {
    if info.empty_tag {
        let fix = Fix::Text {
            file: file.path.clone(),
            range: info.span.clone(),
            old: file.text[info.span.clone()].to_owned(),
            new: "<file_info></file_info>".to_owned(),
        };
        let what = Diagnostic::new(file.place(info), "<file_info/>, which create_work does not know");
        findings.note_fixable(Grade::Wrong, what.accepted("<file_info></file_info>"), Some(fix));
    }
    // A file with a name of its own is the same for all jobs.
    if let (Some(name), None) = (info.child("physical_name"), info.child("no_delete")) {
        let found = format!(
            "{} is the same file for all jobs, and file_deleter removes it when the first is over",
            name.text
        );
        findings.note(
            Grade::Wrong,
            Diagnostic::new(file.place(info), found).accepted("<no_delete/> in this <file_info>"),
        );
    }
}

//! Template files on the server. Sources: tools/process_input_template.cpp, html/user/submit_rpc_handler.php.

use boinc::diagnostic::Location;
use boinc::xml::Element;

use super::{Findings, Subject};
use crate::admin::project_files::{XmlFile, sorted};

/// Larger files are not templates: a job's XML ends at 64 KB.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let apps = subject.apps();
    for (name, path) in sorted(&subject.project.dir.join("templates")) {
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES);
        if !is_file || name.contains(".before-fix-") {
            continue;
        }
        if let Some(app) = apps.iter().find(|app| name == format!("{app}_in")) {
            let found = format!(
                "PHP 8 rejects every batch and estimate for {app} while this file exists, whatever template they bring"
            );
            findings
                .wrong(Location::file(&path), found)
                .help("rename the file, and use the new name in the programs that need it");
        }
        match XmlFile::read(path.clone()) {
            Ok(file) => check_template(&file, findings),
            Err(error) => drop(findings.unreadable(&path, &error)),
        }
    }
}

fn check_template(file: &XmlFile, findings: &mut Findings) {
    // Both kinds may come with or without an enclosing element.
    let enclosing = file.xml.roots.iter().find(|root| root.name.ends_with("_template"));
    let elements: &[Element] = enclosing.map_or(&file.xml.roots, |root| &root.children);
    let body = elements.iter().find(|element| matches!(element.name.as_str(), "workunit" | "result"));
    let Some(body) = body else { return };
    findings.xml_faults(file);
    let infos: Vec<&Element> = elements.iter().filter(|element| element.name == "file_info").collect();
    let refs = body.children_named("file_ref").count();
    if infos.len() != refs {
        findings
            .wrong(file.place(body), format!("{} <file_info> and {refs} <file_ref>", infos.len()))
            .accepted("a <file_ref> for each <file_info>, in the same order");
    }
    if body.name == "workunit" {
        infos.into_iter().for_each(|info| check_input(file, info, findings));
    }
}

fn check_input(file: &XmlFile, info: &Element, findings: &mut Findings) {
    if info.empty_tag {
        let accepted = "<file_info></file_info>";
        findings
            .wrong(file.place(info), "create_work does not know <file_info/>")
            .accepted(accepted)
            .fix(Some(file.replace(info.span.clone(), accepted.to_owned())));
    }
    // A file with a name of its own is the same for all jobs.
    if let (Some(name), None) = (info.child("physical_name"), info.child("no_delete")) {
        let found = format!(
            "{} is the same file for all jobs, and file_deleter removes it when the first job has finished",
            name.text
        );
        findings.wrong(file.place(info), found).accepted("<no_delete/> in this <file_info>");
    }
}

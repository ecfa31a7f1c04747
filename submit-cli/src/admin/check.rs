//! What is missing or unsafe in a project's directory, line by line.
//!
//! Facts come from [`ProjectFiles`], from [`ServerHost`] (accounts, PHP and web server settings) and through [`Database`]; each of the
//! submodules looks at one kind of thing and notes [`Finding`]s. Nothing is changed here: [`super::fix`] does that.

mod app_versions;
mod apps;
mod config;
mod daemons;
mod directories;
mod php;
mod plan_classes;
mod programs;
mod templates;
mod web_server;

use std::path::Path;

use boinc::platform::Entry;
use serde::Serialize;

use super::database::Database;
use super::fix::Fix;
use super::project_files::{ProjectFiles, XmlFile, name_of};
use super::server_host::ServerHost;
use boinc::diagnostic::Diagnostic;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Somebody could do harm.
    Unsafe,
    /// Something does not work like this.
    Wrong,
    /// It works, and could be better.
    Advice,
    /// This could not be looked at.
    Unchecked,
}

impl Grade {
    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Wrong => "wrong",
            Self::Advice => "advice",
            Self::Unchecked => "not checked",
        }
    }
}

/// Something about a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// Where, what, what would be right, what to do.
    pub what: Diagnostic,
    /// What can be done about it without asking.
    pub fix: Option<Fix>,
}

/// What is looked at.
pub struct Subject<'a> {
    /// The project's files.
    pub project: &'a ProjectFiles,
    /// The computer.
    pub host: &'a ServerHost,
    /// The project's database.
    pub database: &'a dyn Database,
    /// The BOINC app that jobs are for; else all of project.xml.
    pub app: Option<&'a str>,
}

impl Subject<'_> {
    /// The names of the apps that are looked at.
    fn apps(&self) -> Vec<&str> {
        match self.app {
            Some(app) => vec![app],
            None => self.project.apps().map(name_of).filter(|name| !name.is_empty()).collect(),
        }
    }
}

/// The findings so far.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    fn note(&mut self, grade: Grade, what: Diagnostic) {
        self.list.push(Finding { grade, what, fix: None });
    }

    fn note_fixable(&mut self, grade: Grade, what: Diagnostic, fix: Option<Fix>) {
        self.list.push(Finding { grade, what, fix });
    }
}

/// Looks at everything; the findings are in the order of the places a reader would go through.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    config::look(subject, &mut findings);
    daemons::look(subject, &mut findings);
    programs::look(subject, &mut findings);
    directories::look(subject, &mut findings);
    directories::keys(subject, &mut findings);
    templates::look(subject, &mut findings);
    plan_classes::look(subject, &mut findings);
    app_versions::look(subject, &mut findings);
    apps::look(subject, &mut findings);
    web_server::look(subject, &mut findings);
    php::look(subject, &mut findings);
    findings.list
}

/// Whether a project can be left as it is.
pub fn is_good(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.grade == Grade::Unchecked)
}

/// Notes what is no XML in a file.
fn xml_faults(file: &XmlFile, findings: &mut Findings) {
    for fault in &file.xml.faults {
        let what = Diagnostic::new(file.line_of(fault.offset), format!("not valid XML: {}", fault.what));
        findings.note(Grade::Wrong, what);
    }
}

/// The mode of a file or directory.
fn mode_of(path: &Path) -> Option<u32> {
    Some(Entry::from(&path.metadata().ok()?).mode)
}

//! What is missing or unsafe in a project's directory, line by line.
//!
//! Facts come from [`ProjectFiles`], from [`ServerHost`] (accounts, PHP and web server settings) and through [`Database`]; each
//! submodule checks one kind of thing and notes [`Finding`]s. Nothing is changed here: [`super::fix`] does that.

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

use std::io;
use std::path::Path;

use boinc::diagnostic::{Diagnostic, Location};
use boinc::platform::entry_at;
use serde::Serialize;

use super::database::Database;
use super::fix::Fix;
use super::project_files::{ProjectFiles, XmlFile, name_of};
use super::server_host::ServerHost;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// An attacker could do harm.
    Unsafe,
    /// A part of the project does not work like this.
    Wrong,
    /// It works, and could be better.
    Advice,
    /// This could not be checked.
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
    /// What can be done about it without asking the administrator.
    pub fix: Option<Fix>,
}

/// What is checked.
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
    /// The names of the apps that are checked.
    fn apps(&self) -> Vec<&str> {
        match self.app {
            Some(app) => vec![app],
            None => self.project.apps().map(name_of).filter(|name| !name.is_empty()).collect(),
        }
    }
}

impl Finding {
    fn accepted(&mut self, accepted: impl Into<String>) -> &mut Self {
        self.what.accepted = Some(accepted.into());
        self
    }

    fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.what.help = Some(help.into());
        self
    }

    fn fix(&mut self, fix: Option<Fix>) {
        self.fix = fix;
    }
}

/// The findings so far.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    fn note(&mut self, grade: Grade, place: Location, found: impl Into<String>) -> &mut Finding {
        let at = self.list.len();
        self.list.push(Finding { grade, what: Diagnostic::new(place, found), fix: None });
        &mut self.list[at]
    }

    fn wrong(&mut self, place: Location, found: impl Into<String>) -> &mut Finding {
        self.note(Grade::Wrong, place, found)
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) -> &mut Finding {
        self.wrong(Location::file(path), format!("failed to read this file: {error}"))
    }

    /// Notes what is not XML in a file.
    fn xml_faults(&mut self, file: &XmlFile) {
        for fault in &file.xml.faults {
            self.wrong(file.line_of(fault.offset), format!("invalid XML: {}", fault.what));
        }
    }
}

/// Checks everything; the findings are in the order of the places a reader would go through.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    for check in [
        config::check,
        daemons::check,
        programs::check,
        directories::check,
        directories::check_keys,
        templates::check,
        plan_classes::check,
        app_versions::check,
        apps::check,
        web_server::check,
        php::check,
    ] {
        check(subject, &mut findings);
    }
    findings.list
}

/// Whether a project can be left as it is.
pub fn is_good(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.grade == Grade::Unchecked)
}

/// The mode of a file or directory.
fn mode_of(path: &Path) -> Option<u32> {
    Some(entry_at(path).ok()?.mode)
}

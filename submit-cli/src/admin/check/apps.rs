//! `project.xml` and the database: apps, platforms, versions, tables, who may submit. Sources: tools/xadd,
//! html/inc/submit_util.inc, db/schema.sql, db/schema_condor.sql.

use std::collections::BTreeSet;

use super::app_versions::directories;
use super::{Findings, Grade, Subject};
use crate::admin::app_version::Number;
use crate::admin::database::{AppVersionRow, DatabaseError};
use crate::admin::project_files::{XmlFile, name_of};
use boinc::diagnostic::{Diagnostic, Place};

/// Tables that remote submission needs, and where BOINC's source has them.
const TABLES: [(&str, &str); 5] = [
    ("batch", "db/schema.sql"),
    ("user_submit", "db/schema.sql"),
    ("user_submit_app", "db/schema.sql"),
    ("job_file", "db/schema.sql"),
    ("batch_file_assoc", "db/schema_condor.sql (make_project does not apply it)"),
];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("project.xml");
    match &subject.project.project {
        Ok(file) => project_xml(subject, file, findings),
        Err(error) => {
            findings
                .note(Grade::Wrong, Diagnostic::new(Place::file(&path), format!("cannot be read: {error}")));
        }
    }
    if let Err(error) = database(subject, findings) {
        let place = match (&subject.project.config, subject.project.setting("db_name")) {
            (Ok(file), Some(setting)) => file.place(setting),
            _ => Place::file(&subject.project.dir.join("config.xml")),
        };
        let what = Diagnostic::new(
            place,
            format!("what the database says (tables, apps, versions, submitters): {error}"),
        );
        findings.note(
            Grade::Unchecked,
            what.help("run this as the project's owner, on a computer that reaches the database"),
        );
    }
}

fn project_xml(subject: &Subject<'_>, file: &XmlFile, findings: &mut Findings) {
    super::xml_faults(file, findings);
    if let Some(app) = subject.app
        && !subject.project.apps().any(|known| name_of(known) == app)
    {
        let what = Diagnostic::new(Place::file(&file.path), format!("it has no app {app:?}"));
        let accepted =
            format!("<app><name>{app}</name><user_friendly_name>…</user_friendly_name></app>, then bin/xadd");
        findings.note(Grade::Wrong, what.accepted(accepted));
    }
    if subject.apps().is_empty() {
        let what = Diagnostic::new(
            Place::file(&file.path),
            "it has no app: there is nothing that jobs could be for",
        );
        findings.note(
            Grade::Wrong,
            what.accepted(
                "<app><name>NAME</name><user_friendly_name>…</user_friendly_name></app>, then bin/xadd",
            ),
        );
    }
}

fn database(subject: &Subject<'_>, findings: &mut Findings) -> Result<(), DatabaseError> {
    let dir = &subject.project.dir;
    let place = |name: &str| Place::file(&dir.join(name));
    let tables = subject.database.tables()?;
    let name = subject.project.setting_text("db_name").unwrap_or_default();
    for (table, source) in TABLES {
        if !tables.contains(table) {
            let what =
                Diagnostic::new(place("config.xml"), format!("the database {name} has no table {table}"));
            findings.note(
                Grade::Wrong,
                what.help(format!("BOINC's source has it in {source}: mariadb {name} < FILE")),
            );
        }
    }
    let apps = subject.database.apps()?;
    for app in subject.apps() {
        if !apps.contains(app) {
            let what = Diagnostic::new(
                place("project.xml"),
                format!("the app {app} is not in the database, or deprecated there"),
            );
            findings.note(Grade::Wrong, what.help(format!("in {}: bin/xadd", dir.display())));
        }
    }
    versions(subject, &subject.database.app_versions()?, &subject.database.platforms()?, findings);
    if tables.contains("user_submit") && tables.contains("user_submit_app") {
        let submitters = subject.database.submitters()?;
        for app in subject.apps() {
            let anybody =
                submitters.iter().any(|user| user.all_apps || user.apps.iter().any(|own| own == app));
            if !anybody {
                let what =
                    Diagnostic::new(place("project.xml"), format!("nobody may submit jobs to the app {app}"));
                let help = "give a user the right on the web page manage_project.php, or in SQL: rows in user_submit and user_submit_app";
                findings.note(Grade::Wrong, what.help(help));
            }
        }
    }
    Ok(())
}

/// Each version in apps/ should be in the database, and an app needs one that is sent.
fn versions(
    subject: &Subject<'_>,
    rows: &[AppVersionRow],
    platforms: &BTreeSet<String>,
    findings: &mut Findings,
) {
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    for app in subject.apps() {
        let dir = subject.project.dir.join("apps").join(app);
        let mut waiting: Vec<String> = Vec::new();
        for (version, path) in directories(&dir) {
            let Some(number) = Number::of_directory(&version) else { continue };
            for (name, _) in directories(&path) {
                let (platform, class) = name.split_once("__").unwrap_or((&name, ""));
                if !platforms.contains(platform) {
                    unknown.insert(platform.to_owned());
                }
                let is_it = |row: &&AppVersionRow| {
                    row.app == app
                        && row.number == number
                        && row.platform == platform
                        && row.plan_class == class
                };
                if !rows.iter().any(|row| is_it(&row)) {
                    waiting.push(format!("{version}/{name}"));
                }
            }
        }
        if !waiting.is_empty() {
            let what = Diagnostic::new(Place::file(&dir), format!("not installed: {}", waiting.join(", ")));
            findings.note(
                Grade::Wrong,
                what.help(format!("in {}: bin/update_versions", subject.project.dir.display())),
            );
        }
        let mut of_app = rows.iter().filter(|row| row.app == app).peekable();
        if of_app.peek().is_some() && of_app.all(|row| row.deprecated) {
            let what =
                Diagnostic::new(Place::file(&dir), "every installed version is deprecated: nothing is sent");
            findings.note(Grade::Wrong, what);
        }
    }
    for platform in unknown {
        let place = Place::file(&subject.project.dir.join("project.xml"));
        let what = Diagnostic::new(
            place,
            format!(
                "the platform {platform} is not in the database: update_versions passes over its versions"
            ),
        );
        findings.note(Grade::Wrong, what.help(format!("in {}: bin/xadd", subject.project.dir.display())));
    }
}

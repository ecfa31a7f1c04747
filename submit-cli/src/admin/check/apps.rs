//! `project.xml` and the database: apps, platforms, versions, tables, who may submit. Sources: tools/xadd,
//! html/inc/submit_util.inc, db/schema.sql, db/schema_condor.sql.

use std::collections::BTreeSet;

use boinc::diagnostic::Location;

use super::app_versions::directories;
use super::{Findings, Grade, Subject};
use crate::admin::app_version::Number;
use crate::admin::database::{AppVersionRow, DatabaseError};
use crate::admin::project_files::{XmlFile, name_of};

/// Tables that remote submission needs, and where BOINC's source has them.
const TABLES: [(&str, &str); 5] = [
    ("batch", "db/schema.sql"),
    ("user_submit", "db/schema.sql"),
    ("user_submit_app", "db/schema.sql"),
    ("job_file", "db/schema.sql"),
    ("batch_file_assoc", "db/schema_condor.sql (make_project does not apply it)"),
];

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    match &subject.project.project {
        Ok(file) => check_project_xml(subject, file, findings),
        Err(error) => {
            findings.unreadable(&subject.project.dir.join("project.xml"), error);
        }
    }
    if let Err(error) = check_database(subject, findings) {
        let place = match (&subject.project.config, subject.project.setting("db_name")) {
            (Ok(file), Some(setting)) => file.place(setting),
            _ => Location::file(&subject.project.dir.join("config.xml")),
        };
        findings
            .note(
                Grade::Unchecked,
                place,
                format!("the contents of the database (tables, apps, versions, submitters): {error}"),
            )
            .help("run this command as the project's owner, on a computer that can connect to the database");
    }
}

fn check_project_xml(subject: &Subject<'_>, file: &XmlFile, findings: &mut Findings) {
    findings.xml_faults(file);
    let (name, found) = match subject.app {
        Some(app) if subject.project.apps().any(|known| name_of(known) == app) => return,
        Some(app) => (app, format!("missing app {app:?}")),
        None if subject.apps().is_empty() => {
            ("NAME", "missing app: jobs are submitted for an app".to_owned())
        }
        None => return,
    };
    findings.wrong(Location::file(&file.path), found).accepted(format!(
        "<app><name>{name}</name><user_friendly_name>…</user_friendly_name></app>, then bin/xadd"
    ));
}

fn check_database(subject: &Subject<'_>, findings: &mut Findings) -> Result<(), DatabaseError> {
    let dir = &subject.project.dir;
    let project_xml = || Location::file(&dir.join("project.xml"));
    let xadd = format!("run bin/xadd in {}", dir.display());
    let tables = subject.database.tables()?;
    let name = subject.project.setting_text("db_name").unwrap_or_default();
    for (table, source) in TABLES {
        if !tables.contains(table) {
            findings
                .wrong(
                    Location::file(&dir.join("config.xml")),
                    format!("the database {name} has no table {table}"),
                )
                .help(format!("apply {source} from BOINC's source: mariadb {name} < FILE"));
        }
    }
    let apps = subject.database.apps()?;
    for app in subject.apps().into_iter().filter(|app| !apps.contains(*app)) {
        let found = format!("the app {app} is not in the database, or deprecated there");
        findings.wrong(project_xml(), found).help(xadd.as_str());
    }
    let platforms = subject.database.platforms()?;
    for platform in check_versions(subject, &subject.database.app_versions()?, &platforms, findings) {
        let found =
            format!("the platform {platform} is not in the database: update_versions ignores its versions");
        findings.wrong(project_xml(), found).help(xadd.as_str());
    }
    if tables.contains("user_submit") && tables.contains("user_submit_app") {
        let submitters = subject.database.submitters()?;
        for app in subject.apps() {
            if !submitters.iter().any(|user| user.all_apps || user.apps.iter().any(|own| own == app)) {
                findings
                    .wrong(project_xml(), format!("no user may submit jobs to the app {app}"))
                    .help(
                        "permit a user on the web page manage_project.php, or add rows to user_submit and user_submit_app",
                    );
            }
        }
    }
    Ok(())
}

/// Each version in apps/ should be in the database, and an app needs one that is sent. The platforms that the database does not
/// have.
fn check_versions(
    subject: &Subject<'_>,
    rows: &[AppVersionRow],
    platforms: &BTreeSet<String>,
    findings: &mut Findings,
) -> BTreeSet<String> {
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
                let is_installed = rows.iter().any(|row| {
                    (row.app.as_str(), row.number, row.platform.as_str(), row.plan_class.as_str())
                        == (app, number, platform, class)
                });
                if !is_installed {
                    waiting.push(format!("{version}/{name}"));
                }
            }
        }
        if !waiting.is_empty() {
            findings
                .wrong(Location::file(&dir), format!("not installed: {}", waiting.join(", ")))
                .help(format!("run bin/update_versions in {}", subject.project.dir.display()));
        }
        let mut of_app = rows.iter().filter(|row| row.app == app).peekable();
        if of_app.peek().is_some() && of_app.all(|row| row.deprecated) {
            let found = "every installed version is deprecated: the server sends no jobs of this app";
            findings.wrong(Location::file(&dir), found);
        }
    }
    unknown
}

//! Reads a project's database.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::command_log;

use super::project_files::ProjectFiles;

/// An app version in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVersionRow {
    /// The app's name.
    pub app: String,
    /// 100 × MAJOR + MINOR.
    pub number: u64,
    /// The platform's name.
    pub platform: String,
    /// The plan class; may be empty.
    pub plan_class: String,
    /// No longer sent.
    pub deprecated: bool,
}

/// A user who may submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitter {
    /// The user's id.
    pub user_id: u64,
    /// To every app.
    pub all_apps: bool,
    /// To these.
    pub apps: Vec<String>,
}

/// Why the database could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// config.xml names no database.
    #[error("config.xml has no <{setting}>")]
    NoSetting {
        /// The setting.
        setting: &'static str,
    },
    /// There is no client program.
    #[error("failed to start mariadb and mysql: {cause}")]
    NoClient {
        /// Why.
        cause: String,
    },
    /// The database refused.
    #[error("{answer}")]
    Refused {
        /// The first line of the client's answer.
        answer: String,
    },
    /// An answer of another form than the question asks for.
    #[error("unexpected answer {line:?}")]
    Answer {
        /// The line.
        line: String,
    },
}

/// A database that takes any statement.
pub trait Sql {
    /// Runs a statement; the rows of its answer, each a text for each column.
    ///
    /// # Errors
    /// It cannot be run.
    fn rows(&self, statement: &str) -> Result<Vec<Vec<String>>, DatabaseError>;
}

/// A project's database.
pub trait Database {
    /// The names of its tables.
    ///
    /// # Errors
    /// It cannot be queried.
    fn tables(&self) -> Result<BTreeSet<String>, DatabaseError>;

    /// The names of its apps, without deprecated ones.
    ///
    /// # Errors
    /// It cannot be queried.
    fn apps(&self) -> Result<BTreeSet<String>, DatabaseError>;

    /// The names of its platforms.
    ///
    /// # Errors
    /// It cannot be queried.
    fn platforms(&self) -> Result<BTreeSet<String>, DatabaseError>;

    /// Its app versions.
    ///
    /// # Errors
    /// It cannot be queried.
    fn app_versions(&self) -> Result<Vec<AppVersionRow>, DatabaseError>;

    /// The users who may submit.
    ///
    /// # Errors
    /// It cannot be queried.
    fn submitters(&self) -> Result<Vec<Submitter>, DatabaseError>;
}

/// The database that config.xml names, asked through the client program of MariaDB or MySQL.
#[derive(Clone)]
pub struct Client {
    settings: Result<Settings, DatabaseError>,
}

#[derive(Clone)]
struct Settings {
    name: String,
    user: String,
    password: Option<String>,
    host: Option<String>,
}

impl Client {
    /// With the settings of a project.
    pub fn of(project: &ProjectFiles) -> Self {
        let text = |setting: &'static str| {
            project.setting_text(setting).map(str::to_owned).ok_or(DatabaseError::NoSetting { setting })
        };
        let settings = text("db_name").and_then(|name| {
            Ok(Settings {
                name,
                user: text("db_user")?,
                password: text("db_passwd").ok(),
                host: text("db_host").ok(),
            })
        });
        Self { settings }
    }

    /// The rows of an answer, each with `N` columns.
    fn ask<const N: usize>(&self, question: &str) -> Result<Vec<[String; N]>, DatabaseError> {
        let whole = |row: Vec<String>| {
            row.try_into().map_err(|row: Vec<String>| DatabaseError::Answer { line: row.join("\t") })
        };
        self.rows(question)?.into_iter().map(whole).collect()
    }

    fn names(&self, question: &str) -> Result<BTreeSet<String>, DatabaseError> {
        Ok(self.ask::<1>(question)?.into_iter().map(|[name]| name).collect())
    }
}

impl Sql for Client {
    fn rows(&self, question: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let run = |program| {
            let started = Instant::now();
            let output = settings.command(program, question).output();
            command_log::report(program, None, started, output.as_ref().map(|output| output.status));
            output
        };
        let output = run("mariadb")
            .or_else(|_| run("mysql"))
            .map_err(|error| DatabaseError::NoClient { cause: error.to_string() })?;
        if !output.status.success() {
            let answer = String::from_utf8_lossy(&output.stderr);
            let answer = answer.lines().next().unwrap_or("the client program failed").to_owned();
            return Err(DatabaseError::Refused { answer });
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}

impl Settings {
    fn command(&self, program: &str, question: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--batch", "--skip-column-names", "--connect-timeout=10"]);
        command.arg(format!("--user={}", self.user));
        if let Some(host) = &self.host {
            // As BOINC has it: a port may follow (py/Boinc/database.py).
            let (name, port) = host.split_once(':').map_or((host.as_str(), None), |(h, p)| (h, Some(p)));
            command.arg(format!("--host={name}"));
            command.args(port.map(|port| format!("--port={port}")));
        }
        // Not an argument: every user of the computer sees those.
        match &self.password {
            Some(password) => command.env("MYSQL_PWD", password),
            None => command.env_remove("MYSQL_PWD"),
        };
        command.arg(format!("--execute={question}")).arg(&self.name).stdin(Stdio::null());
        command
    }
}

fn number(text: &str) -> Result<u64, DatabaseError> {
    text.parse().map_err(|_| DatabaseError::Answer { line: text.to_owned() })
}

impl Database for Client {
    fn tables(&self) -> Result<BTreeSet<String>, DatabaseError> {
        self.names("show tables")
    }

    fn apps(&self) -> Result<BTreeSet<String>, DatabaseError> {
        self.names("select name from app where deprecated=0")
    }

    fn platforms(&self) -> Result<BTreeSet<String>, DatabaseError> {
        self.names("select name from platform")
    }

    fn app_versions(&self) -> Result<Vec<AppVersionRow>, DatabaseError> {
        let question = "select app.name, version_num, platform.name, plan_class, app_version.deprecated from app_version \
                        join app on app.id=appid join platform on platform.id=platformid";
        self.ask::<5>(question)?
            .into_iter()
            .map(|[app, version, platform, plan_class, deprecated]| {
                let (number, deprecated) = (number(&version)?, deprecated != "0");
                Ok(AppVersionRow { app, number, platform, plan_class, deprecated })
            })
            .collect()
    }

    fn submitters(&self) -> Result<Vec<Submitter>, DatabaseError> {
        let users = self.ask::<2>("select user_id, submit_all from user_submit")?;
        let apps =
            self.ask::<2>("select user_id, app.name from user_submit_app join app on app.id=app_id")?;
        users
            .into_iter()
            .map(|[user, all]| {
                let apps = apps.iter().filter(|[of, _]| *of == user).map(|[_, app]| app.clone()).collect();
                Ok(Submitter { user_id: number(&user)?, all_apps: all != "0", apps })
            })
            .collect()
    }
}

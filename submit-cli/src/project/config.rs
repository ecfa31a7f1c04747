//! The projects a submitter is logged in to: `projects.toml` in the user's config directory, which holds no secret, and a
//! file for each authenticator that only the user can read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::{AddressError, PlainHttp, ProjectUrl};
use super::authenticator::{Authenticator, AuthenticatorError};
use super::client::ProjectClient;
use super::error::ProjectError;
use super::options::ClientOptions;
use crate::user_dirs;

mod secret_file;

/// Environment variable: the authenticator, instead of the one that `buoy login` keeps.
pub const AUTHENTICATOR_VARIABLE: &str = "BUOY_AUTHENTICATOR";

/// Environment variable: the config directory, instead of `$XDG_CONFIG_HOME/buoy` or `~/.config/buoy`.
pub const DIRECTORY_VARIABLE: &str = "BUOY_CONFIG_DIR";

/// The universal BOINC app of a project, unless another name was given.
pub const DEFAULT_APP: &str = "universal";

const FILE: &str = "projects.toml";

/// A project that the submitter has a name for: a table of `projects.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    /// The submitter's name for it: letters, digits, `_`, `-` and `.`.
    #[serde(skip)]
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its universal BOINC app.
    #[serde(rename = "app", default = "default_app")]
    pub app_name: String,
    /// Plain `http` is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_http: bool,
    /// Certificates to trust in addition to the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

fn default_app() -> String {
    DEFAULT_APP.to_owned()
}

impl ProjectEntry {
    /// A client for the project.
    ///
    /// # Errors
    /// The address is none, or the certificates can't be used.
    pub fn client(&self, authenticator: Authenticator) -> Result<ProjectClient, ConfigError> {
        let plain = if self.allow_http { PlainHttp::Allow } else { PlainHttp::Refuse };
        let url = ProjectUrl::parse(&self.url, plain)
            .map_err(|source| ConfigError::Address { name: self.name.clone(), source })?;
        let options = ClientOptions { ca_file: self.ca_file.clone(), ..ClientOptions::default() };
        ProjectClient::new(url, authenticator, options)
            .map_err(|source| ConfigError::Client { name: self.name.clone(), source })
    }
}

/// Why the submitter's projects cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The environment names no directory for the list.
    #[error("no directory for the list of projects: set BUOY_CONFIG_DIR, XDG_CONFIG_HOME or HOME")]
    NoHome,
    /// What was typed, or what is in the files, does not do: the submitter has to change it.
    #[error("{0}")]
    Invalid(String),
    /// A file operation failed.
    #[error("failed to {doing} {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The list has an address that is none.
    #[error("invalid url of project {name} in {FILE}")]
    Address {
        /// The project.
        name: String,
        /// What is wrong.
        source: AddressError,
    },
    /// The authenticator cannot be one.
    #[error("{origin}: {source}")]
    Authenticator {
        /// Where it is from.
        origin: String,
        /// What is wrong.
        source: AuthenticatorError,
    },
    /// The project cannot be used as its entry says.
    #[error("failed to use the project {name}")]
    Client {
        /// The project.
        name: String,
        /// Why not.
        source: ProjectError,
    },
}

impl ConfigError {
    /// Whether the submitter has to fix a file, a name or a secret; the rest is the host's fault.
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::NoHome | Self::Io { .. } | Self::Client { .. })
    }
}

/// The submitter's projects.
#[derive(Debug)]
pub struct Projects {
    dir: PathBuf,
    file: ProjectsFile,
    /// `BUOY_AUTHENTICATOR`, if set.
    given: Option<String>,
}

/// `projects.toml`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectsFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(default, rename = "project")]
    projects: BTreeMap<String, ProjectEntry>,
}

impl Projects {
    /// Opens the user's config directory; without one, the list is empty.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or other users can write it.
    pub fn open() -> Result<Self, ConfigError> {
        let dir = user_dirs::set(DIRECTORY_VARIABLE).or_else(user_dirs::config).ok_or(ConfigError::NoHome)?;
        let given = std::env::var(AUTHENTICATOR_VARIABLE).ok().filter(|text| !text.trim().is_empty());
        Self::open_in(dir, given)
    }

    /// Opens a config directory; `given` is an authenticator to use instead of kept ones.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_in(dir: PathBuf, given: Option<String>) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        let mut file: ProjectsFile = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ProjectsFile::default(),
            Err(source) => return Err(ConfigError::Io { path, doing: "read", source }),
            Ok(text) => {
                // Whoever can change an address gets the authenticator sent there.
                secret_file::check(&dir, 0o022, 0o700)?;
                secret_file::check(&path, 0o022, 0o600)?;
                toml::from_str(&text).map_err(|error| {
                    ConfigError::Invalid(format!("{}: {}", path.display(), error.to_string().trim()))
                })?
            }
        };
        file.projects.iter_mut().for_each(|(name, entry)| entry.name.clone_from(name));
        Ok(Self { dir, file, given })
    }

    /// The default project's name.
    pub fn default_name(&self) -> Option<&str> {
        let only = || self.file.projects.keys().next().filter(|_| self.file.projects.len() == 1);
        self.file.default.as_ref().or_else(only).map(String::as_str)
    }

    /// An authenticator from the environment, which goes before kept ones.
    ///
    /// # Errors
    /// It is invalid.
    pub fn given(&self) -> Result<Option<Authenticator>, ConfigError> {
        self.given
            .as_deref()
            .map(|text| authenticator(text, format!("${AUTHENTICATOR_VARIABLE}")))
            .transpose()
    }

    /// All projects, by name.
    pub fn list(&self) -> Vec<ProjectEntry> {
        self.file.projects.values().cloned().collect()
    }

    /// The named project, or the default one.
    ///
    /// # Errors
    /// There is none.
    pub fn entry(&self, name: Option<&str>) -> Result<ProjectEntry, ConfigError> {
        let projects = &self.file.projects;
        let name = name.or_else(|| self.default_name());
        if let Some(entry) = name.and_then(|name| projects.get(name)) {
            return Ok(entry.clone());
        }
        if projects.is_empty() {
            let text = "not logged in to any project; run buoy login ADDRESS";
            return Err(ConfigError::Invalid(text.to_owned()));
        }
        let known = projects.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let name = name.unwrap_or("(none named)");
        Err(ConfigError::Invalid(format!(
            "unknown project {name}; known: {known}; add one with buoy login ADDRESS --name NAME"
        )))
    }

    /// The authenticator for a project: that of the environment, else the kept one.
    ///
    /// # Errors
    /// It is missing, or others can read it.
    pub fn authenticator(&self, entry: &ProjectEntry) -> Result<Authenticator, ConfigError> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        let path = self.secret_path(&entry.name);
        match secret_file::read(&path)? {
            Some(text) => authenticator(&text, path.display().to_string()),
            None => Err(ConfigError::Invalid(format!(
                "{}: missing authenticator of project {}; run buoy login {} --name {1}",
                path.display(),
                entry.name,
                entry.url
            ))),
        }
    }

    /// The named project, or the default one, and a client for it.
    ///
    /// # Errors
    /// There is none, or its authenticator is missing or exposed.
    pub fn client(&self, name: Option<&str>) -> Result<(ProjectEntry, ProjectClient), ConfigError> {
        let entry = self.entry(name)?;
        let authenticator = self.authenticator(&entry)?;
        let client = entry.client(authenticator)?;
        Ok((entry, client))
    }

    /// Whether a project can be kept under this name.
    ///
    /// # Errors
    /// A file cannot have the name, or belongs to a project at another address.
    pub fn check_free(&self, name: &str, url: &str) -> Result<(), ConfigError> {
        check_name(name)?;
        match self.file.projects.get(name) {
            Some(kept) if kept.url != url => Err(ConfigError::Invalid(format!(
                "the name {name} belongs to the project at {}; choose another with --name, or run buoy logout {name} \
                     first",
                kept.url
            ))),
            _ => Ok(()),
        }
    }

    /// Keeps a project and its authenticator; the first one becomes the default.
    ///
    /// # Errors
    /// A file cannot be written, or the name is taken ([`check_free`](Self::check_free)).
    pub fn add(
        &mut self,
        entry: &ProjectEntry,
        authenticator: &Authenticator,
        make_default: bool,
    ) -> Result<(), ConfigError> {
        self.check_free(&entry.name, &entry.url)?;
        secret_file::make_dir(&self.dir)?;
        secret_file::write(&self.secret_path(&entry.name), &format!("{}\n", authenticator.expose()))?;
        self.file.projects.insert(entry.name.clone(), entry.clone());
        if make_default || self.file.default.is_none() {
            self.file.default = Some(entry.name.clone());
        }
        self.write()
    }

    /// Forgets a project and its authenticator.
    ///
    /// # Errors
    /// There is none of this name, or a file can't be written.
    pub fn remove(&mut self, name: &str) -> Result<(), ConfigError> {
        self.entry(Some(name))?;
        let path = self.secret_path(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ConfigError::Io { path, doing: "remove", source });
            }
            _ => {}
        }
        self.file.projects.remove(name);
        if self.file.default.as_deref() == Some(name) {
            self.file.default = None;
        }
        self.write()
    }

    fn write(&self) -> Result<(), ConfigError> {
        let path = self.dir.join(FILE);
        let text = toml::to_string(&self.file).expect("names, texts and flags become TOML");
        secret_file::write(&path, &text)
    }

    fn secret_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.authenticator"))
    }
}

/// Whether a project can have this name, which becomes part of a file's.
///
/// # Errors
/// It cannot.
pub fn check_name(name: &str) -> Result<(), ConfigError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(good) || name.starts_with(['.', '-']) {
        return Err(ConfigError::Invalid(format!(
            "invalid project name \"{name}\"; accepted: letters, digits, _ - and ., not . or - at the start"
        )));
    }
    Ok(())
}

/// Takes an authenticator from a place that is named in the error.
///
/// # Errors
/// It is invalid.
pub fn authenticator(text: &str, origin: String) -> Result<Authenticator, ConfigError> {
    Authenticator::parse(text).map_err(|source| ConfigError::Authenticator { origin, source })
}

#[cfg(test)]
mod tests;

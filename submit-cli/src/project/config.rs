//! The projects a submitter is logged in to: `projects.toml` in the user's config directory, which holds no secret, and a
//! file for each authenticator that only the user can read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

/// A project that the submitter has a name for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectEntry {
    /// The submitter's name for it: letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its universal BOINC app.
    pub app_name: String,
    /// Plain `http` is meant.
    pub allow_http: bool,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
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

/// Why the submitter's projects can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no home to keep it in.
    #[error("neither BUOY_CONFIG_DIR nor XDG_CONFIG_HOME nor HOME is set, so there is no place for projects")]
    NoHome,
    /// No project of this name.
    #[error("no project {name}; known are: {known}. buoy login ADDRESS --name {name} adds it")]
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// None at all.
    #[error("not logged in to any project; buoy login ADDRESS does that")]
    None,
    /// A name that can't be a file's.
    #[error(
        "\"{name}\" cannot name a project; expected letters, digits, _ - and ., not at the start: . or -"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// A project without its secret.
    #[error("{}: the authenticator of project {name} is not there; buoy login {url} --name {name}", path.display())]
    NoAuthenticator {
        /// Its file.
        path: PathBuf,
        /// The project.
        name: String,
        /// Its address.
        url: String,
    },
    /// A file can't be read or written.
    #[error("{}: cannot {doing}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Others can get at a secret.
    #[error("{}: others can read or change it (mode {mode:03o}); chmod {wanted:o} {}", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What it must be.
        wanted: u32,
    },
    /// Another project has this name.
    #[error(
        "there is a project {name} at {url} already; give this one another name (--name), or buoy logout {name} first"
    )]
    Taken {
        /// The name.
        name: String,
        /// The other's address.
        url: String,
    },
    /// The file is damaged.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and key.
        reason: String,
    },
    /// The kept address is none.
    #[error("project {name} in {FILE}: its url")]
    Address {
        /// The project.
        name: String,
        /// What is wrong with its `url`.
        source: AddressError,
    },
    /// A secret is none.
    #[error("{origin}: {source}")]
    Authenticator {
        /// Where it is from.
        origin: String,
        /// What is wrong with it.
        source: AuthenticatorError,
    },
    /// The client can't be made.
    #[error("project {name} cannot be used")]
    Client {
        /// The project.
        name: String,
        /// Why not.
        source: ProjectError,
    },
}

impl ConfigError {
    /// Whether the submitter has to mend a file, a name or a secret; the rest is the host's.
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
    projects: BTreeMap<String, Kept>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    url: String,
    #[serde(default = "default_app")]
    app: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_http: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
}

fn default_app() -> String {
    DEFAULT_APP.to_owned()
}

impl Projects {
    /// Opens the user's config directory; without one, the list is empty.
    ///
    /// # Errors
    /// It can't be read, is damaged, or others can write it.
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
        let file = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ProjectsFile::default(),
            Err(source) => return Err(ConfigError::Io { path, doing: "read it", source }),
            Ok(text) => {
                // Whoever can change an address gets the authenticator sent there.
                secret_file::check(&dir, 0o022, 0o700)?;
                secret_file::check(&path, 0o022, 0o600)?;
                toml::from_str(&text).map_err(|error| ConfigError::Malformed {
                    path,
                    reason: error.to_string().trim().to_owned(),
                })?
            }
        };
        Ok(Self { dir, file, given })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The default project's name.
    pub fn default_name(&self) -> Option<&str> {
        let only = || self.file.projects.keys().next().filter(|_| self.file.projects.len() == 1);
        self.file.default.as_ref().or_else(only).map(String::as_str)
    }

    /// An authenticator from the environment, which goes before kept ones.
    ///
    /// # Errors
    /// It is none.
    pub fn given(&self) -> Result<Option<Authenticator>, ConfigError> {
        self.given
            .as_deref()
            .map(|text| authenticator(text, format!("${AUTHENTICATOR_VARIABLE}")))
            .transpose()
    }

    /// All projects, by name.
    pub fn list(&self) -> Vec<ProjectEntry> {
        self.file.projects.iter().map(|(name, kept)| entry(name, kept)).collect()
    }

    /// The named project, or the default one.
    ///
    /// # Errors
    /// There is none.
    pub fn entry(&self, name: Option<&str>) -> Result<ProjectEntry, ConfigError> {
        let known = || self.file.projects.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let name = match name.or_else(|| self.default_name()) {
            Some(name) => name,
            None if self.file.projects.is_empty() => return Err(ConfigError::None),
            None => return Err(ConfigError::Unknown { name: "(none named)".to_owned(), known: known() }),
        };
        match self.file.projects.get(name) {
            Some(kept) => Ok(entry(name, kept)),
            None if self.file.projects.is_empty() => Err(ConfigError::None),
            None => Err(ConfigError::Unknown { name: name.to_owned(), known: known() }),
        }
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
            None => {
                Err(ConfigError::NoAuthenticator { path, name: entry.name.clone(), url: entry.url.clone() })
            }
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
    /// The name can't be a file's, or belongs to a project at another address.
    pub fn check_free(&self, name: &str, url: &str) -> Result<(), ConfigError> {
        check_name(name)?;
        match self.file.projects.get(name) {
            Some(kept) if kept.url != url => {
                Err(ConfigError::Taken { name: name.to_owned(), url: kept.url.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Keeps a project and its authenticator; the first one becomes the default.
    ///
    /// # Errors
    /// A file can't be written, or the name can't be had ([`check_free`](Self::check_free)).
    pub fn add(
        &mut self,
        entry: &ProjectEntry,
        authenticator: &Authenticator,
        make_default: bool,
    ) -> Result<(), ConfigError> {
        self.check_free(&entry.name, &entry.url)?;
        secret_file::make_dir(&self.dir)?;
        secret_file::write(&self.secret_path(&entry.name), &format!("{}\n", authenticator.expose()))?;
        let kept = Kept {
            url: entry.url.clone(),
            app: entry.app_name.clone(),
            allow_http: entry.allow_http,
            ca_file: entry.ca_file.clone(),
        };
        self.file.projects.insert(entry.name.clone(), kept);
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
                return Err(ConfigError::Io { path, doing: "remove it", source });
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
        let text = toml::to_string(&self.file)
            .map_err(|error| ConfigError::Malformed { path: path.clone(), reason: error.to_string() })?;
        secret_file::write(&path, &text)
    }

    fn secret_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.authenticator"))
    }
}

/// Whether a project can have this name, which becomes part of a file's.
///
/// # Errors
/// It can't.
pub fn check_name(name: &str) -> Result<(), ConfigError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(good) || name.starts_with(['.', '-']) {
        return Err(ConfigError::BadName { name: name.to_owned() });
    }
    Ok(())
}

/// Takes an authenticator from a place that is named in the error.
///
/// # Errors
/// It is none.
pub fn authenticator(text: &str, origin: String) -> Result<Authenticator, ConfigError> {
    Authenticator::parse(text).map_err(|source| ConfigError::Authenticator { origin, source })
}

fn entry(name: &str, kept: &Kept) -> ProjectEntry {
    ProjectEntry {
        name: name.to_owned(),
        url: kept.url.clone(),
        app_name: kept.app.clone(),
        allow_http: kept.allow_http,
        ca_file: kept.ca_file.clone(),
    }
}

#[cfg(test)]
mod tests;

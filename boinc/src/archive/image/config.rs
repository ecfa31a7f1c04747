//! The configuration of an image: what is understood of it, and what is written again.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{ArchiveError, json};
use crate::hex::is_sha256;

const MAX_LAYERS: usize = 500;
const FIELDS: [&str; 14] = [
    "architecture",
    "os",
    "variant",
    "rootfs",
    "type",
    "diff_ids",
    "config",
    "User",
    "Env",
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Shell",
    "Labels",
];

/// What is understood of an image's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ArchivedConfig {
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(default)]
    variant: Option<String>,
    pub(super) rootfs: RootFs,
    #[serde(default, deserialize_with = "or_default")]
    config: Run,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct RootFs {
    r#type: String,
    pub(super) diff_ids: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Run {
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    shell: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
}

/// Tools write `null` for what is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// The configuration as it is written again. Fields are in a fixed order, so that the same input gives the same bytes.
#[derive(Serialize)]
struct Written<'a> {
    architecture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    config: Run,
    created: &'static str,
    history: Vec<History>,
    os: &'a str,
    rootfs: &'a RootFs,
}

#[derive(Clone, Serialize)]
struct History {
    created: &'static str,
    created_by: &'static str,
}

const CREATED: &str = "1970-01-01T00:00:00Z";

impl ArchivedConfig {
    pub(super) fn parse(text: &[u8]) -> Result<Self, ArchiveError> {
        let config: Self = json::parse("the configuration", text, &FIELDS)?;
        let word = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let words = [Some(&config.architecture), Some(&config.os), config.variant.as_ref()];
        if let Some(odd) = words.into_iter().flatten().find(|text| !word(text)) {
            refuse!("the configuration has an unusual platform: {odd:?}");
        }
        if config.rootfs.r#type != "layers" {
            let found = config.rootfs.r#type;
            refuse!("the configuration has a root file system of type {found:?}, expected \"layers\"");
        }
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.is_empty() || diff_ids.len() > MAX_LAYERS {
            refuse!("the configuration has {} layers, expected 1 to {MAX_LAYERS}", diff_ids.len());
        }
        if let Some(odd) = diff_ids.iter().find(|digest| !is_digest(digest)) {
            refuse!("the configuration has a layer with the digest {odd:?}, expected sha256: and 64 digits");
        }
        if config.texts().any(|text| text.contains('\0')) {
            refuse!("the configuration has a NUL in a text");
        }
        Ok(config)
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let run = &self.config;
        let lists = [&run.env, &run.entrypoint, &run.cmd, &run.shell];
        let labels = run.labels.iter().flat_map(|(key, value)| [key, value]);
        lists.into_iter().flatten().chain([&run.user, &run.working_dir]).chain(labels)
    }

    /// The entry point's words; empty if there is none.
    pub fn entrypoint(&self) -> &[String] {
        &self.config.entrypoint
    }

    /// The words after the entry point.
    pub fn cmd(&self) -> &[String] {
        &self.config.cmd
    }

    /// `KEY=VALUE` each.
    pub fn env(&self) -> &[String] {
        &self.config.env
    }

    /// The directory a container starts in; empty for the root directory.
    pub fn working_dir(&self) -> &str {
        &self.config.working_dir
    }

    /// The user a container runs as; empty for root.
    pub fn user(&self) -> &str {
        &self.config.user
    }

    /// The configuration that is written again: what this type knows, with further labels, and nothing else.
    pub(super) fn written(&self, labels: &[(String, String)]) -> Result<Vec<u8>, ArchiveError> {
        let mut config = self.config.clone();
        config.labels.extend(labels.iter().cloned());
        let history = History { created: CREATED, created_by: "buoy" };
        let written = Written {
            architecture: &self.architecture,
            variant: self.variant.as_deref(),
            config,
            created: CREATED,
            history: vec![history; self.rootfs.diff_ids.len()],
            os: &self.os,
            rootfs: &self.rootfs,
        };
        serde_json::to_vec(&written).map_err(|error| ArchiveError::Write(error.into()))
    }
}

/// `sha256:` and 64 hexadecimal digits in lower case.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(is_sha256)
}

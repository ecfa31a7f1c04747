//! The configuration of an image: what is understood of it, and what is written again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ArchiveError, json};

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
    architecture: String,
    os: String,
    #[serde(default)]
    variant: Option<String>,
    rootfs: RootFs,
    #[serde(default)]
    config: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct RootFs {
    r#type: String,
    diff_ids: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Run {
    #[serde(skip_serializing_if = "is_empty")]
    user: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_empty")]
    env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_none_or_empty")]
    entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_none_or_empty")]
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_empty")]
    working_dir: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_empty")]
    shell: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
}

fn is_none_or_empty(list: &Option<Vec<String>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

fn is_empty(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(String::is_empty)
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

    fn run(&self) -> Option<&Run> {
        self.config.as_ref()
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        self.run().into_iter().flat_map(|run| {
            let lists = [&run.env, &run.entrypoint, &run.cmd, &run.shell];
            let labels = run.labels.iter().flatten().flat_map(|(key, value)| [key, value]);
            lists
                .into_iter()
                .flatten()
                .flatten()
                .chain([&run.user, &run.working_dir].into_iter().flatten())
                .chain(labels)
        })
    }

    pub(super) fn architecture(&self) -> &str {
        &self.architecture
    }

    pub(super) fn os(&self) -> &str {
        &self.os
    }

    pub(super) fn diff_ids(&self) -> &[String] {
        &self.rootfs.diff_ids
    }

    /// The entry point's words; empty if there is none.
    pub fn entrypoint(&self) -> &[String] {
        self.run().and_then(|run| run.entrypoint.as_deref()).unwrap_or_default()
    }

    /// The words after the entry point.
    pub fn cmd(&self) -> &[String] {
        self.run().and_then(|run| run.cmd.as_deref()).unwrap_or_default()
    }

    /// `KEY=VALUE` each.
    pub fn env(&self) -> &[String] {
        self.run().and_then(|run| run.env.as_deref()).unwrap_or_default()
    }

    /// The directory a container starts in; empty for the root directory.
    pub fn working_dir(&self) -> &str {
        self.run().and_then(|run| run.working_dir.as_deref()).unwrap_or_default()
    }

    /// The user a container runs as; empty for root.
    pub fn user(&self) -> &str {
        self.run().and_then(|run| run.user.as_deref()).unwrap_or_default()
    }

    /// The configuration that is written again: what this type knows, with further labels, and nothing else.
    pub(super) fn written(&self, labels: &[(String, String)]) -> Result<Vec<u8>, ArchiveError> {
        let mut config = self.config.clone().unwrap_or_default();
        config.labels.get_or_insert_default().extend(labels.iter().cloned());
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
    text.strip_prefix("sha256:").is_some_and(is_hex)
}

/// 64 hexadecimal digits in lower case.
pub(super) fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

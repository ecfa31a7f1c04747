//! `job.toml`: how a science app wants to be run. The only owner of that format; see docs/job-toml.md.
//!
//! All keys of upstream's docker_wrapper (`samples/docker_wrapper`, `parse_config_file`) and ours. Upstream
//! skips unknown keys; here they are errors, since a mistyped key runs a job otherwise than was meant.

mod options;
mod read;
mod tarballs;

pub use tarballs::{Tarball, Tarballs};

use crate::toml_file::{ConfigErrors, Document, Section};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use toml::Table;
use toml::de::DeTable;

/// What an image has at the work directory is copied for each job up to this, bytes.
pub const MAX_IMAGE_WORKDIR_BYTES: u64 = 100_000_000;
/// Nor are more files and directories copied.
pub const MAX_IMAGE_WORKDIR_ENTRIES: u64 = 20_000;

/// How much is logged if the file does not say.
const DEFAULT_VERBOSE: u8 = 1;

/// What `job.toml` says. Valid by construction: see each type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobSpec {
    /// `workdir`: where the work directory appears in the container.
    pub workdir: ContainerPath,
    /// `project_dir_mount`: where the project's directory appears, read-only.
    pub project_dir_mount: Option<ContainerPath>,
    /// `image_name`: an image to use as it is, never built nor removed.
    pub image_name: Option<String>,
    /// `image` and `digest`: prebuilt images that came as files.
    #[serde(flatten)]
    pub tarballs: Option<Tarballs>,
    /// `use_gpu`: the job needs the assigned GPU.
    pub use_gpu: bool,
    /// `web_graphics_guest_port`: a port of the container that shows graphics in a browser.
    pub web_graphics_guest_port: Option<u16>,
    /// `mount`: values of the engine's `--volume`.
    pub mount: Vec<String>,
    /// `portmap`: values of the engine's `--publish`.
    pub portmap: Vec<String>,
    /// `build_args`: build arguments, `KEY` to `VALUE`.
    pub build_args: BTreeMap<String, String>,
    /// `target`: the stage of the Dockerfile to build; `None`: the last one.
    pub target: Option<String>,
    /// `create_args`: raw options of the container's creation, in words.
    pub create_args: Vec<String>,
    /// `verbose`: 0 to 2; 2 logs each engine command. Default 1.
    pub verbose: u8,
    /// `build_files`: the build context besides the Dockerfile, names in the slot. `None`: those that the
    /// Dockerfile's COPY and ADD name.
    pub build_files: Option<Vec<String>>,
    /// `job_inputs`: inputs that differ from job to job, so that they are never part of an image.
    pub job_inputs: Vec<String>,
    /// `pass_args`: how the job gets its arguments.
    pub pass_args: PassArgs,
    /// `network`: the container may use the network.
    pub network: bool,
    /// `outputs`: the files that the job writes.
    pub outputs: Vec<OutputSpec>,
    /// `max_files`, `max_log_bytes`, `pids`.
    #[serde(flatten)]
    pub limits: Limits,
}

/// What an empty file says.
impl Default for JobSpec {
    fn default() -> Self {
        read::spec(&mut Section::new(&Document::new(Path::new(""), ""), "", &DeTable::new(), 0))
    }
}

impl JobSpec {
    /// Reads the text of a job.toml; `file` is its name, for errors. An empty text is all defaults, and so
    /// is a file that does not exist: upstream's is optional.
    ///
    /// # Errors
    /// All mistakes at once, each with file, line and key.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigErrors> {
        read::job_spec(text, file)
    }

    /// The file's text. Keys at their defaults are left out.
    pub fn render(&self) -> String {
        let table = |spec| Table::try_from(spec).expect("texts, numbers and lists become TOML");
        let (mut keys, default) = (table(self), table(&Self::default()));
        keys.retain(|key, value| default.get(key) != Some(value));
        toml::to_string(&keys).expect("a table becomes TOML")
    }
}

/// An absolute path in a container: parts separated by single slashes, no `.`, `..`, colon, comma,
/// quote or control character, and not the root itself. Default: where a work directory appears if the file does not say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ContainerPath(String);

impl Default for ContainerPath {
    fn default() -> Self {
        Self("/app".to_owned())
    }
}

impl ContainerPath {
    /// What is accepted, for messages.
    pub const ACCEPTED: &str =
        "an absolute path, not \"/\" itself, without \"..\", colon, comma, quotes and control characters";

    /// Checks a path. A slash at the end is removed.
    pub fn new(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let parts = path.strip_prefix('/')?;
        let whole = parts.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let harmless = !path.contains(|c: char| c.is_control() || matches!(c, ':' | ',' | '"' | '\'' | '\\'));
        (whole && harmless && path.len() <= 1024).then(|| Self(path.to_owned()))
    }

    /// What [`ContainerPath::is_of_engine`] is about, for messages.
    pub const NOT_OF_ENGINE: &str = "a directory that is not at or below /proc, /sys or /dev, and not /etc, \
                                     /run, /sbin, /usr or /usr/sbin itself: the engine mounts there what every container \
                                     needs";

    /// Whether the kernel or the engine itself mounts something there, so that no container with a mount of ours in that
    /// place can be started: the kernel's file systems, and the directories in which the engines mount files of their own
    /// (hosts and resolv.conf, .containerenv, the init program). Below the latter there is room for others.
    pub fn is_of_engine(&self) -> bool {
        const WITH_ALL_BELOW: [&str; 3] = ["proc", "sys", "dev"];
        const THEMSELVES: [&str; 5] = ["/etc", "/run", "/sbin", "/usr", "/usr/sbin"];
        let first = self.0.split('/').nth(1).unwrap_or_default();
        WITH_ALL_BELOW.contains(&first) || THEMSELVES.contains(&self.0.as_str())
    }

    /// The path as the engine takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image's id: `sha256:` and 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Digest(String);

impl Digest {
    /// What is accepted, for messages.
    pub const ACCEPTED: &str = "\"sha256:\" and 64 hex digits";

    /// Checks a digest; upper-case digits become lower case.
    pub fn new(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let valid = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The whole digest, `sha256:` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a job gets its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PassArgs {
    /// In the environment variable `ARGS`, joined by spaces: upstream's way, and the default.
    #[default]
    Env,
    /// As the container's own argument vector, each word as it was written.
    Argv,
    /// Both.
    Both,
}

impl PassArgs {
    /// All words that are accepted.
    pub const WORDS: [&str; 3] = ["env", "argv", "both"];

    /// Reads one of [`PassArgs::WORDS`].
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "env" => Some(Self::Env),
            "argv" => Some(Self::Argv),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    /// Whether `ARGS` is set.
    pub fn sets_env(self) -> bool {
        matches!(self, Self::Env | Self::Both)
    }

    /// Whether the container gets an argument vector.
    pub fn sets_argv(self) -> bool {
        matches!(self, Self::Argv | Self::Both)
    }
}

/// A file that the job writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputSpec {
    /// Its name in the work directory and in the slot.
    pub name: String,
    /// The job fails if it is larger. `None`: the output template's own limit applies.
    pub max_bytes: Option<u64>,
    /// The job may end without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Bounds that the job sets itself; `None`: those of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Files and directories in the work directory.
    pub max_files: Option<u64>,
    /// Bytes of the container's output that are kept.
    pub max_log_bytes: Option<u64>,
    /// Processes and threads at a time.
    pub pids: Option<u64>,
}

#[cfg(test)]
mod tests;

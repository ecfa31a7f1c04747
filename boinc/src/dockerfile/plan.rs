//! What the reader hands to the executor of a build.

use std::collections::BTreeMap;

use super::Fault;
use super::image_ref::ImageReference;

/// Build arguments: name to value.
pub type BuildArgs = BTreeMap<String, String>;

/// Where the executor mounts the file of [`super::quote_env_file`]. `/dev` is a tmpfs, so that no mount point stays in
/// the image.
pub const ENV_FILE: &str = "/dev/.buoy-env";

/// Where the executor mounts [`RunStep::script`], read-only.
pub const SCRIPT_FILE: &str = "/dev/.buoy-run";

/// What an image is built for and on: Buoy builds natively only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// As the engine names it: `amd64`, `arm64` …
    pub architecture: String,
    /// `v7` of `linux/arm/v7`; may be empty.
    pub variant: String,
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The empty image.
    Scratch,
    /// An earlier stage of this file, by its index.
    Stage(usize),
    /// An image of a registry or of the host.
    Image(ImageReference),
}

/// What an image says about its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Environment, in order, each name once.
    pub env: Vec<(String, String)>,
    /// `user[:group]`; empty: root.
    pub user: String,
    /// Absolute; empty: `/`.
    pub workdir: String,
    /// ENTRYPOINT in exec form.
    pub entrypoint: Vec<String>,
    /// CMD in exec form.
    pub cmd: Vec<String>,
    /// SHELL; empty: `/bin/sh -c`.
    pub shell: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Paths of VOLUME.
    pub volumes: Vec<String>,
    /// ONBUILD triggers, to be carried out by the next FROM.
    pub on_build: Vec<String>,
}

/// What has to be done to build one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagePlan {
    /// In order; each is one container. May be empty: then the stage differs from its base in `config` at most.
    pub groups: Vec<Group>,
    /// The stage's image. `on_build` is empty: the triggers of the base are part of `groups`.
    pub config: ImageConfig,
    /// What the submitter should know.
    pub warnings: Vec<Fault>,
}

/// Any number of file steps, then at most one RUN: one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// In order, before the RUN.
    pub files: Vec<FileStep>,
    /// Missing in the last group of a stage at most.
    pub run: Option<RunStep>,
    /// As it is when the RUN starts, or at the end of the stage: for `create`.
    pub config: ImageConfig,
}

/// A change of files without running anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileStep {
    /// WORKDIR: makes the directory if it is missing.
    Workdir {
        /// Line of the instruction.
        line: u32,
        /// Absolute and normalized.
        path: String,
        /// The user at that time, `user[:group]`: who owns what is made. Empty: root.
        user: String,
    },
    /// COPY, ADD.
    Copy(CopyStep),
}

/// COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStep {
    /// Line of the instruction.
    pub line: u32,
    /// The stage to copy from; `None`: the build context.
    pub from: Option<usize>,
    /// At least one.
    pub sources: Vec<Source>,
    /// Absolute and normalized, without a slash at the end.
    pub destination: String,
    /// The destination ends with `/` or `.`, or there are several sources. Otherwise the executor has to look.
    pub destination_is_directory: bool,
    /// `user[:group]`, names or numbers.
    pub owner: Option<String>,
    /// `--chmod`, up to 0o7777.
    pub mode: Option<u32>,
    /// ADD: plain tar files of the context are unpacked; compressed ones are an error.
    pub unpack: bool,
}

/// A source of COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path or a pattern ([`super::pattern`]), normalized. Of the context: relative, `.` for all of it. Of a stage:
    /// absolute.
    Pattern(String),
    /// A here-document, mode 0644.
    Inline {
        /// The delimiter: the file's name in a directory.
        name: String,
        /// The text, LF at line ends.
        content: Vec<u8>,
    },
}

/// RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStep {
    /// Line of the instruction.
    pub line: u32,
    /// As written, for messages.
    pub text: String,
    /// The words to run, complete: words of SHELL and what they are to do, or the exec form.
    pub command: Vec<String>,
    /// To be mounted at [`SCRIPT_FILE`], where `command` refers to it.
    pub script: Option<Vec<u8>>,
    /// Whether `command` reads [`ENV_FILE`], which then must exist. True for every POSIX shell.
    pub reads_env_file: bool,
    /// ARG values in scope, for [`ENV_FILE`]. They must not get into the image. Empty unless `reads_env_file`.
    pub args: Vec<(String, String)>,
}

impl RunStep {
    /// The words of the POSIX shell that reads this step's text, and the text. `None` for all other steps.
    fn shell_and_text(&self) -> Option<(&[String], &[u8])> {
        let (last, shell) = self.command.split_last().filter(|_| self.reads_env_file)?;
        let rest = last.strip_prefix(". ")?.strip_prefix(ENV_FILE)?.strip_prefix("; ")?;
        match &self.script {
            Some(script) => (rest.strip_prefix(". ") == Some(SCRIPT_FILE)).then_some((shell, script)),
            None => Some((shell, rest.as_bytes())),
        }
    }

    /// The words of the POSIX shell that reads this step's text: one container can do several steps for the same shell,
    /// one after the other, [by file](Self::by_file).
    pub fn shell(&self) -> Option<&[String]> {
        self.shell_and_text().map(|(shell, _)| shell)
    }

    /// The same step with its text at [`SCRIPT_FILE`]: then its command is that of every step for the same shell. `None` if
    /// it is not text for a POSIX shell.
    pub fn by_file(&self) -> Option<Self> {
        let (shell, text) = self.shell_and_text()?;
        let command = shell.iter().cloned().chain([format!(". {ENV_FILE}; . {SCRIPT_FILE}")]).collect();
        Some(Self { command, script: Some(text.to_vec()), ..self.clone() })
    }
}

/// A file that COPY or ADD takes from the build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSource {
    /// Line of the instruction.
    pub line: u32,
    /// Column of the source.
    pub column: u32,
    /// `COPY` or `ADD`.
    pub instruction: &'static str,
    /// A path or pattern relative to the context, `.` for all of it; `None` if it depends on the base image: anything.
    pub pattern: Option<String>,
    /// `--chmod`, up to 0o7777.
    pub mode: Option<u32>,
}

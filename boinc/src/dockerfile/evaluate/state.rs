//! What instructions change: the configuration of the image to be, and variables.

use std::collections::BTreeMap;

use crate::dockerfile::expand::Variables;
use crate::dockerfile::path;
use crate::dockerfile::plan::ImageConfig;
use crate::dockerfile::run::default_shell;

/// Most variables, ARG values and labels; and the bytes that all of one kind may have: an engine gets them as arguments.
const MAX_PAIRS: usize = 1_000;
const MAX_PAIRS_BYTES: usize = 256 * 1024;

/// What engines take if an image says nothing.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl ImageConfig {
    /// The configuration of `FROM scratch`.
    pub fn scratch() -> Self {
        Self { env: vec![("PATH".to_owned(), DEFAULT_PATH.to_owned())], ..Self::default() }
    }
}

/// The default is that of an image about which nothing is known.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// All that an expansion sees.
    pub variables: Variables,
    /// Values that are `None` are not known.
    env: Vec<(String, Option<String>)>,
    env_index: BTreeMap<String, usize>,
    args: BTreeMap<String, String>,
    pub user: String,
    pub user_line: Option<u32>,
    /// `None`: not known.
    pub workdir: Option<String>,
    /// Empty: that of images which do not name one.
    pub shell: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    /// The stage itself has a CMD.
    has_cmd: bool,
    pub cmd_line: Option<u32>,
    pub entrypoint_line: Option<u32>,
    pub labels: BTreeMap<String, String>,
    /// Normalized.
    pub volumes: Vec<String>,
    /// Whether all about the base is known.
    pub complete: bool,
}

impl State {
    /// The start of a stage that has this base.
    pub fn of(base: &ImageConfig) -> Self {
        let mut state = Self {
            variables: Variables::new(true),
            user: base.user.clone(),
            workdir: Some(path::absolute("/", &base.workdir)),
            entrypoint: base.entrypoint.clone(),
            cmd: base.cmd.clone(),
            shell: base.shell.clone(),
            labels: base.labels.clone(),
            volumes: base.volumes.iter().map(|volume| path::absolute("/", volume)).collect(),
            complete: true,
            ..Self::default()
        };
        for (name, value) in &base.env {
            state.set_env(name, Some(value.clone()));
        }
        // As engines do: an image made of a plain file system says nothing.
        if !state.env_index.contains_key("PATH") {
            state.set_env("PATH", Some(DEFAULT_PATH.to_owned()));
        }
        state
    }

    /// The start of a stage that has this stage as its base: ARG values are gone.
    pub fn inherited(&self) -> Self {
        let mut state = self.clone();
        state.variables = Variables::new(self.complete);
        for (name, value) in &self.env {
            state.variables.set(name, value.clone());
        }
        state.args.clear();
        state.has_cmd = false;
        state
    }

    pub fn set_env(&mut self, name: &str, value: Option<String>) {
        self.args.remove(name);
        self.variables.set(name, value.clone());
        match self.env_index.get(name) {
            Some(&index) => self.env[index].1 = value,
            None => {
                self.env_index.insert(name.to_owned(), self.env.len());
                self.env.push((name.to_owned(), value));
            }
        }
    }

    /// The later one of ENV and ARG counts, as in BuildKit.
    pub fn set_arg(&mut self, name: &str, value: Option<String>) {
        self.variables.set(name, value.clone());
        self.args.insert(name.to_owned(), value.unwrap_or_default());
    }

    pub fn args_in_scope(&self) -> Vec<(String, String)> {
        self.args.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub fn set_cmd(&mut self, words: Vec<String>, line: u32) {
        self.cmd = words;
        self.cmd_line = Some(line);
        self.has_cmd = true;
    }

    /// An inherited CMD was for another ENTRYPOINT.
    pub fn set_entrypoint(&mut self, words: Vec<String>, line: u32) {
        self.entrypoint = words;
        self.entrypoint_line = Some(line);
        if !self.has_cmd {
            self.cmd.clear();
            self.cmd_line = None;
        }
    }

    /// A path seen from the work directory; `None` if that is not known.
    pub fn absolute(&self, text: &str) -> Option<String> {
        match &self.workdir {
            _ if text.starts_with('/') => Some(path::absolute("/", text)),
            Some(workdir) => Some(path::absolute(workdir, text)),
            None => None,
        }
    }

    /// The words that run a command.
    pub fn shell(&self) -> Vec<String> {
        if self.shell.is_empty() { default_shell() } else { self.shell.clone() }
    }

    /// What is too large.
    pub fn check_size(&self) -> Result<(), String> {
        let bytes = |name: &String, value: usize| name.len() + value;
        let env: usize =
            self.env.iter().map(|(name, value)| bytes(name, value.as_ref().map_or(0, String::len))).sum();
        let labels: usize = self.labels.iter().map(|(name, value)| bytes(name, value.len())).sum();
        let args: usize = self.args.iter().map(|(name, value)| bytes(name, value.len())).sum();
        let all = [
            ("variables", self.env.len(), env),
            ("ARG values", self.args.len(), args),
            ("labels", self.labels.len(), labels),
        ];
        for (what, number, bytes) in all {
            if number > MAX_PAIRS || bytes > MAX_PAIRS_BYTES {
                return Err(format!(
                    "{number} {what} with {bytes} bytes: more than {MAX_PAIRS}, or than {} KiB",
                    MAX_PAIRS_BYTES >> 10
                ));
            }
        }
        Ok(())
    }

    /// What a container is created with.
    pub fn container_config(&self) -> ImageConfig {
        ImageConfig {
            env: self.env.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
            user: self.user.clone(),
            workdir: self.workdir.clone().unwrap_or_default(),
            labels: self.labels.clone(),
            volumes: self.volumes.clone(),
            ..ImageConfig::default()
        }
    }

    /// What the image says in the end.
    pub fn config(&self) -> ImageConfig {
        ImageConfig {
            entrypoint: self.entrypoint.clone(),
            cmd: self.cmd.clone(),
            shell: self.shell(),
            ..self.container_config()
        }
    }
}

//! A command of the engine as a value.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use boinc::shell::word;

/// How much of a command's output is kept. The rest is read and dropped, so that memory stays bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first bytes: JSON.
    Head(usize),
    /// The last bytes: logs and builds.
    Tail(usize),
}

/// One call of the engine's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, as an argument vector: no shell sees them.
    pub args: Vec<OsString>,
    /// Added to the environment. The values may hold a proxy's password and are not shown.
    pub env: Vec<(OsString, OsString)>,
    /// Ended after this.
    pub timeout: Duration,
    /// What is kept of stdout and stderr, each.
    pub keep: Keep,
    /// It goes on to its end when we are killed or stop waiting. For commands that change a container's state: Podman, killed
    /// in the middle of a start, leaves a running container that it does not know to be running.
    pub survives: bool,
}

impl Invocation {
    /// A short command: a minute, and a megabyte of output.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            timeout: Duration::from_secs(60),
            keep: Keep::Head(1 << 20),
            survives: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Ends the command after this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets it go on to its end when we are killed or stop waiting.
    #[must_use]
    pub fn surviving(mut self) -> Self {
        self.survives = true;
        self
    }

    /// What to keep of the output.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }
}

impl fmt::Display for Invocation {
    /// The command as one would type it. Proxy settings are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", word(&self.program.to_string_lossy()))?;
        for arg in &self.args {
            let text = arg.to_string_lossy();
            let secret = text
                .split_once('=')
                .filter(|(key, value)| key.to_ascii_lowercase().contains("proxy") && value.contains('@'));
            match secret {
                Some((key, _)) => write!(f, " {key}=…")?,
                None => write!(f, " {}", word(&text))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_one_would_type_it_without_secrets() {
        let command = Invocation::new("docker").args([
            "create",
            "--env",
            "ARGS=a b",
            "--env",
            "http_proxy=http://me:secret@proxy:80",
            "it's",
        ]);
        assert_eq!(command.to_string(), r"docker create --env 'ARGS=a b' --env http_proxy=… 'it'\''s'");
    }
}

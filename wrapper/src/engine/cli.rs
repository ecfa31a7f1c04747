//! The engine: a command, a transport, and what to make of the answer.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::command::Invocation;
use super::error::{EngineError, classify, full_disk, last_lines};
use super::flavor::Flavor;
use super::freeze;
use super::output::{self, Inspected, Status};
use super::started;
use super::transport::{Cancel, Captured, Transport};
use super::verbs::{BuildSpec, ContainerSpec, Verbs};

/// An engine that is reached through its command line.
pub struct CliEngine<T: Transport> {
    verbs: Verbs,
    transport: T,
    cancel: Cancel,
    verbose: bool,
}

/// An image of ours on this host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OurImage {
    /// The engine's id of it.
    pub id: String,
    /// Its names; none for one that a newer build has taken them from.
    #[serde(default, deserialize_with = "output::list_or_null")]
    pub repo_tags: Vec<String>,
    /// Bytes on disk, layers shared with others included.
    #[serde(default)]
    pub size: u64,
}

impl<T: Transport> CliEngine<T> {
    /// An engine of this flavour, whose program is at `program`.
    pub fn new(flavor: Flavor, program: PathBuf, transport: T, cancel: Cancel, verbose: bool) -> Self {
        Self { verbs: Verbs { flavor, program }, transport, cancel, verbose }
    }

    /// Which engine it is.
    pub fn flavor(&self) -> Flavor {
        self.verbs.flavor
    }

    /// Asks for the version: answers whether the engine is installed, reachable and allowed.
    ///
    /// # Errors
    /// When it is not.
    pub fn probe(&self) -> Result<(), EngineError> {
        self.run(&self.verbs.version()).map(drop)
    }

    /// Looks at a container; `None` if there is no such.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn inspect(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        let command = self.verbs.inspect_container(name);
        let captured = match self.run(&command) {
            Ok(captured) => captured,
            Err(EngineError::NoContainer) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut inspected = self.read(&command, output::parse_container(&captured.stdout))?;
        if self.verbs.flavor.freezes_by_signal()
            && inspected.status == Status::Running
            && inspected.pid.is_some_and(freeze::is_stopped)
        {
            inspected.status = Status::Paused;
        }
        Ok(Some(inspected))
    }

    /// The image's id; `None` if there is no such.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        let command = self.verbs.inspect_image(image);
        match self.run(&command) {
            Ok(captured) => {
                let images: Vec<OurImage> = self.read(&command, output::parse_list(&captured.stdout))?;
                Ok(images.into_iter().next().map(|image| image.id))
            }
            Err(EngineError::NoImage) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Builds an image.
    ///
    /// # Errors
    /// [`EngineError::Failed`] with the end of the build's output when a step fails.
    pub fn build(&self, spec: &BuildSpec) -> Result<(), EngineError> {
        let command = self.verbs.build(spec);
        self.log(&command);
        let captured = self.transport.run(&command, &self.cancel)?;
        if captured.status == 0 {
            return Ok(());
        }
        // The classic builder prints its steps to stdout and the error to stderr, others all to stderr.
        let both = Captured {
            stderr: [&captured.stdout[..], b"\n", &captured.stderr[..]].concat(),
            ..captured.clone()
        };
        Err(match classify("build", &captured) {
            EngineError::Failed { command, status, .. } => {
                match (full_disk(&both.stderr), classify("build", &both)) {
                    (Some(line), _) => EngineError::NoSpace(line),
                    (None, network @ EngineError::NoNetwork(_)) => network,
                    (None, _) => EngineError::Failed { command, status, said: tail(&both.stderr, 20) },
                }
            }
            other => other,
        })
    }

    /// Loads a tarball of images.
    ///
    /// # Errors
    /// When it can't be read or stored.
    pub fn load(&self, tarball: &Path) -> Result<(), EngineError> {
        self.run(&self.verbs.load(tarball)).map(drop)
    }

    /// Fetches an image from where its name says.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn pull(&self, image: &str) -> Result<(), EngineError> {
        self.run(&self.verbs.pull(image)).map(drop)
    }

    /// Gives an image a further name.
    ///
    /// # Errors
    /// When there is no such image.
    pub fn tag(&self, image: &str, tag: &str) -> Result<(), EngineError> {
        self.run(&self.verbs.tag(image, tag)).map(drop)
    }

    /// Creates a container. An engine without its init program gets by without one.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if the name is taken, [`EngineError::NoImage`] if the image is gone.
    pub fn create(&self, spec: &ContainerSpec) -> Result<(), EngineError> {
        match self.run(&self.verbs.create(spec)) {
            Err(EngineError::NoInit(_)) if spec.init => {
                let without = ContainerSpec { init: false, ..spec.clone() };
                self.run(&self.verbs.create(&without)).map(drop)
            }
            result => result.map(drop),
        }
    }

    /// Starts a container.
    ///
    /// # Errors
    /// When it can't be; the engine's inspect then tells its own word.
    pub fn start(&self, name: &str) -> Result<(), EngineError> {
        self.run(&self.verbs.simple("start", name)).map(drop)
    }

    /// Freezes a container.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if it is not running.
    pub fn pause(&self, name: &str) -> Result<(), EngineError> {
        if self.verbs.flavor.freezes_by_signal() {
            return self.signal_all(name, "STOP");
        }
        self.run(&self.verbs.simple("pause", name)).map(drop)
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if it is not frozen.
    pub fn unpause(&self, name: &str) -> Result<(), EngineError> {
        if self.verbs.flavor.freezes_by_signal() {
            return self.signal_all(name, "CONT");
        }
        self.run(&self.verbs.simple("unpause", name)).map(drop)
    }

    /// Signals each process of a rootless container, until no new one is found: a process may fork while others are
    /// being stopped.
    fn signal_all(&self, name: &str, signal: &str) -> Result<(), EngineError> {
        let first = self
            .inspect(name)?
            .ok_or(EngineError::NoContainer)?
            .pid
            .ok_or_else(|| EngineError::Conflict(format!("{name} is not running")))?;
        let mut signalled: Vec<u32> = Vec::new();
        loop {
            let fresh: Vec<u32> =
                freeze::tree(first).into_iter().filter(|pid| !signalled.contains(pid)).collect();
            if fresh.is_empty() {
                return Ok(());
            }
            // One of them may have ended meanwhile, which makes `kill` fail for that one only.
            if let Err(error @ (EngineError::NotInstalled { .. } | EngineError::Cancelled)) =
                self.run(&self.verbs.signal(signal, &fresh))
            {
                return Err(error);
            }
            signalled.extend(fresh);
        }
    }

    /// Kills a container's processes. That it is not running any more is as good.
    ///
    /// # Errors
    /// When the engine can't.
    pub fn kill(&self, name: &str) -> Result<(), EngineError> {
        match self.run(&self.verbs.simple("kill", name)) {
            Err(EngineError::Conflict(_)) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Waits until the engine has seen the end of a container's first process, and gives its exit status.
    ///
    /// # Errors
    /// [`EngineError::NoContainer`] if it was removed.
    pub fn wait(&self, name: &str) -> Result<i32, EngineError> {
        let command = self.verbs.wait(name);
        let captured = self.run(&command)?;
        self.read(&command, output::parse_exit_status(&captured.stdout))
    }

    /// The last `bytes` of what the container printed.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn logs(&self, name: &str, bytes: usize) -> Result<Vec<u8>, EngineError> {
        let captured = self.run(&self.verbs.logs(name, bytes))?;
        let mut said = captured.stdout;
        said.extend_from_slice(&captured.stderr);
        let over = said.len().saturating_sub(bytes);
        said.drain(..over);
        Ok(said)
    }

    /// Removes a container, running or not. That there is none is as good.
    ///
    /// # Errors
    /// When the engine can't.
    pub fn remove(&self, name: &str) -> Result<(), EngineError> {
        if self.verbs.flavor.freezes_by_signal() {
            // A stopped process does not see its end coming: let it go on first.
            if let Ok(Some(Inspected { status: Status::Paused, .. })) = self.inspect(name) {
                let _ = self.signal_all(name, "CONT");
            }
        }
        match self.run(&self.verbs.remove(name)) {
            Err(EngineError::NoContainer) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Whether somebody had this container killed or stopped since it was last started, by the engine's log of events
    /// (which a restart of the engine empties).
    pub fn was_ordered_to_die(&self, inspected: &Inspected) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let (Some(started), Ok(now)) = (inspected.started_at, now) else { return false };
        let command = self.verbs.kill_events(&inspected.id, started, now.as_secs_f64());
        self.run(&command).is_ok_and(|captured| !captured.stdout.trim_ascii().is_empty())
    }

    /// When the engine's daemon was started, seconds since 1970, where there is one and it can be told.
    pub fn daemon_started(&self) -> Option<f64> {
        if !self.verbs.flavor.has_daemon() {
            return None;
        }
        let captured = self.run(&self.verbs.endpoint()).ok()?;
        let endpoint: String = serde_json::from_slice(&captured.stdout).ok()?;
        started::docker_daemon_started(&endpoint)
    }

    /// All images that carry our label.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn our_images(&self) -> Result<Vec<OurImage>, EngineError> {
        let command = self.verbs.list_images();
        let captured = self.run(&command)?;
        let text = String::from_utf8_lossy(&captured.stdout).into_owned();
        let mut ids: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let command = self.verbs.inspect_images(&ids);
        let captured = self.run(&command)?;
        self.read(&command, output::parse_list(&captured.stdout))
    }

    /// Removes an image. One that a container uses stays.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_image(&self, image: &str) -> Result<(), EngineError> {
        self.run(&self.verbs.remove_image(image)).map(drop)
    }

    fn log(&self, command: &Invocation) {
        if self.verbose {
            crate::say!("running {command}");
        }
    }

    fn run(&self, command: &Invocation) -> Result<Captured, EngineError> {
        self.log(command);
        let captured = self.transport.run(command, &self.cancel)?;
        if captured.status == 0 {
            return Ok(captured);
        }
        let verb = command.args.first().map(|verb| verb.to_string_lossy().into_owned()).unwrap_or_default();
        let error = classify(&verb, &captured);
        if self.verbose {
            crate::say!("{verb}: {error}");
        }
        Err(error)
    }

    fn read<V>(&self, command: &Invocation, parsed: Result<V, String>) -> Result<V, EngineError> {
        parsed.map_err(|why| EngineError::Unreadable { command: command.to_string(), why })
    }
}

fn tail(text: &[u8], lines: usize) -> String {
    last_lines(text, lines).replace(" | ", "\n    ")
}

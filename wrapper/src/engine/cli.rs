//! The engine: a command, a transport, and what to make of the answer.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::chunk_reader::ChunkReader;
use boinc::platform::user;

use super::client_config;
use super::command::Invocation;
use super::error::{EngineError, classify, not_pulled};
use super::flavor::Flavor;
use super::freeze;
use super::image::ImageDetails;
use super::info::{EngineInfo, Users, architecture_of_podman};
use super::layer::layer_of;
use super::output::{self, Inspected, Stats, Status};
use super::transport::{Cancel, Captured, Consumer, Producer, Transport};
use super::verbs::{ContainerSpec, Verbs};
use crate::platform::{continue_process, docker_daemon_started, stop_process, unreachable};

/// How often a command that was disturbed is repeated.
const MAX_DISTURBED: u32 = 10;

/// An engine that is reached through its command line.
#[derive(Clone, Debug)]
pub struct CliEngine<T: Transport> {
    pub(super) verbs: Verbs,
    transport: T,
    cancel: Cancel,
    verbose: bool,
    /// What the engine says about itself, once it was asked.
    info: Arc<Mutex<Option<EngineInfo>>>,
}

impl<T: Transport> CliEngine<T> {
    /// An engine of this flavour, whose program is at `program`.
    pub fn new(flavor: Flavor, program: PathBuf, transport: T, cancel: Cancel, verbose: bool) -> Self {
        Self {
            verbs: Verbs { flavor, program, client_config: None },
            transport,
            cancel,
            verbose,
            info: Arc::default(),
        }
    }

    /// Keeps what the user has configured for their own containers, proxies with passwords, out of ours. `directory` is
    /// one of ours, where a configuration without them is put.
    ///
    /// # Errors
    /// When the user's configuration has such settings and the other one cannot be written.
    pub fn without_client_settings(mut self, directory: &Path) -> io::Result<Self> {
        if self.verbs.flavor == Flavor::Docker {
            self.verbs.client_config = client_config::without_proxies(directory)?;
        }
        Ok(self)
    }

    /// Which engine it is.
    pub fn flavor(&self) -> Flavor {
        self.verbs.flavor
    }

    /// Whether the engine is installed, reachable and allowed.
    ///
    /// # Errors
    /// When it is not.
    pub fn probe(&self) -> Result<(), EngineError> {
        match self.flavor() {
            Flavor::Docker => self.info().map(drop),
            Flavor::Podman => self.run(&self.verbs.version()).map(drop),
        }
    }

    /// What the engine says about itself; it is asked once. A Podman of this host is not asked: that takes 0.7 s, and what is
    /// needed of it follows from who runs it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn info(&self) -> Result<EngineInfo, EngineError> {
        // Who asks at the same time waits for the same answer.
        let mut known = self.info.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(info) = &*known {
            return Ok(info.clone());
        }
        let info = match self.flavor() {
            Flavor::Docker => self.ask_info()?,
            Flavor::Podman if self.has_machine() => self.ask_info()?,
            Flavor::Podman if self.flavor().has_user_namespace(user()) => {
                EngineInfo { users: Users::Rootless, ..EngineInfo::default() }
            }
            Flavor::Podman => EngineInfo::default(),
        };
        *known = Some(info.clone());
        Ok(info)
    }

    /// Asks the engine what it says about itself, Podman too.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask_info(&self) -> Result<EngineInfo, EngineError> {
        let command = self.verbs.info();
        let captured = self.run(&command)?;
        self.read(&command, EngineInfo::parse(&captured.stdout))
    }

    /// Go's name of the processor architecture that the engine's containers run on, such as `amd64`. This program's own may be
    /// another one: it can be emulated, and the engine can be in a virtual machine.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn architecture(&self) -> Result<String, EngineError> {
        match self.flavor() {
            Flavor::Docker => {
                let known = Some(self.info()?.architecture).filter(|name| !name.is_empty());
                self.read(&self.verbs.info(), known.ok_or_else(|| "it has no Architecture".to_owned()))
            }
            Flavor::Podman => {
                let command = self.verbs.version();
                let captured = self.run(&command)?;
                self.read(&command, architecture_of_podman(&captured.stdout))
            }
        }
    }

    /// Whether the engine may be in a virtual machine of Podman's.
    pub fn has_machine(&self) -> bool {
        self.transport.has_machine()
    }

    /// Containers run on another host or in a virtual machine, so that their processes cannot be seen here. An engine that does
    /// not answer is none.
    pub fn is_remote(&self) -> bool {
        self.info().is_ok_and(|info| info.remote)
    }

    /// Containers of an ordinary user, whose root is that user outside. An engine that does not answer is none.
    pub fn is_rootless(&self) -> bool {
        self.info().is_ok_and(|info| info.users == Users::Rootless)
    }

    /// `pause` needs a freezer, which a rootless engine has only with cgroup v2 and leave to use it. Without one the
    /// processes are stopped instead.
    pub fn freezes_by_signal(&self) -> bool {
        match self.flavor() {
            Flavor::Docker => self.info().is_ok_and(|info| info.cgroup_driver == "none"),
            Flavor::Podman => {
                let has_freezer = || Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
                self.is_rootless() && !self.is_remote() && !has_freezer()
            }
        }
    }

    /// Looks at a container; `None` if there is no such.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn inspect(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        self.inspect_by(&self.verbs.inspect_container(name))
    }

    pub(super) fn inspect_by(&self, command: &Invocation) -> Result<Option<Inspected>, EngineError> {
        let captured = match self.run(command) {
            Ok(captured) => captured,
            Err(EngineError::NoContainer) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut inspected = self.read(command, output::parse_container(&captured.stdout))?;
        if inspected.pid.is_some() && self.is_remote() {
            // A process of this host with the same number is another one.
            inspected.pid = None;
        }
        if inspected.status == Status::Running
            && inspected.pid.is_some_and(freeze::is_stopped)
            && self.freezes_by_signal()
        {
            inspected.status = Status::Paused;
        }
        if let (false, Some(pid)) = (inspected.layer_is_told, inspected.pid) {
            inspected.written.extend(layer_of(pid, &inspected.id));
        }
        Ok(Some(inspected))
    }

    /// The same engine, for commands that cannot be paused: they are broken off while the job is to use no processor.
    #[must_use]
    pub fn breaking_when_held(&self) -> Self
    where
        T: Clone,
    {
        self.with_cancel(self.cancel.breaking_when_held())
    }

    /// The same engine, following another wish to break off.
    #[must_use]
    pub fn with_cancel(&self, cancel: Cancel) -> Self
    where
        T: Clone,
    {
        let (verbs, transport, info) = (self.verbs.clone(), self.transport.clone(), self.info.clone());
        Self { verbs, transport, cancel, verbose: self.verbose, info }
    }

    /// The wish to break off or to hold that this engine's commands follow.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Looks at an image by name or id; `None` if there is no such.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn image(&self, image: &str) -> Result<Option<ImageDetails>, EngineError> {
        let command = self.verbs.inspect_image(image);
        match self.run(&command) {
            Ok(captured) => {
                let images: Vec<ImageDetails> = self.read(&command, output::parse_list(&captured.stdout))?;
                Ok(images.into_iter().next())
            }
            Err(EngineError::NoImage) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Loads images from an archive that `archive` writes. Podman copies the whole of it into a file in `scratch`, which must
    /// exist and be removed by the caller: a Podman that is killed leaves the file there.
    ///
    /// # Errors
    /// [`EngineError::Input`] when `archive` failed; otherwise when the engine cannot read or store it.
    pub fn load_stream(&self, scratch: &Path, archive: Producer<'_>) -> Result<(), EngineError> {
        self.stream(&self.verbs.load_stream(scratch), Some(archive), None).map(drop)
    }

    /// Unpacks a tar stream that `tar` writes into the root directory of a container, which may be stopped. `scratch` is as for
    /// [`CliEngine::load_stream`]; Podman leaves its file there in any case.
    ///
    /// # Errors
    /// [`EngineError::Input`] when `tar` failed; otherwise when the engine cannot unpack it. A part may be unpacked then.
    pub fn copy_in(&self, name: &str, scratch: &Path, tar: Producer<'_>) -> Result<(), EngineError> {
        self.stream(&self.verbs.copy_in(name, scratch), Some(tar), None).map(drop)
    }

    /// Gives a file or directory of a container to `consumer` as a tar stream, in pieces. A symbolic link at `path` itself is
    /// followed. `consumer` may stop early.
    ///
    /// # Errors
    /// [`EngineError::NoPath`], [`EngineError::NoContainer`], or another when the engine cannot.
    pub fn copy_out(&self, name: &str, path: &str, consumer: Consumer<'_>) -> Result<(), EngineError> {
        self.stream(&self.verbs.copy_out(name, path), None, Some(consumer)).map(drop)
    }

    /// As [`CliEngine::copy_out`], for what reads by itself, such as [`boinc::archive::tar::Reader`]: `read` runs on this thread,
    /// and may return before the end.
    ///
    /// # Errors
    /// As [`CliEngine::copy_out`]. What `read` returned is dropped then, as it saw an early end.
    pub fn read_out<V>(
        &self,
        name: &str,
        path: &str,
        read: impl FnOnce(&mut dyn Read) -> V,
    ) -> Result<V, EngineError> {
        let (sender, mut pieces) = ChunkReader::channel();
        thread::scope(|scope| {
            let copy = scope.spawn(move || {
                self.copy_out(name, path, &mut |piece| match sender.send(piece.to_vec()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                })
            });
            let value = read(&mut pieces);
            drop(pieces);
            copy.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|()| value)
        })
    }

    /// Fetches an image from where its name says.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn pull(&self, image: &str) -> Result<(), EngineError> {
        match self.run(&self.verbs.pull(image)) {
            // The same words tell of a registry that breaks the connection off.
            Err(EngineError::Away(said)) if self.probe().is_ok() => {
                Err(EngineError::NotPulled { image: image.to_owned(), said, is_certain: false })
            }
            result => result.map(drop).map_err(|error| not_pulled(image, error)),
        }
    }

    /// Creates a container, and gives its id if the engine prints it. An engine without its init program gets by without
    /// one.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if the name is taken, [`EngineError::NoImage`] if the image is gone.
    pub fn create(&self, spec: &ContainerSpec) -> Result<Option<String>, EngineError> {
        let command = self.verbs.create(spec);
        let captured = match self.run(&command) {
            Err(EngineError::NoInit(_)) if spec.init => {
                self.run(&self.verbs.create(&ContainerSpec { init: false, ..spec.clone() }))
            }
            result => result,
        };
        Ok(output::parse_id(&captured?.stdout).ok())
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
        if self.freezes_by_signal() {
            return self.signal_all(name, "STOP", stop_process);
        }
        self.run(&self.verbs.simple("pause", name)).map(drop)
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if it is not frozen.
    pub fn unpause(&self, name: &str) -> Result<(), EngineError> {
        if self.freezes_by_signal() {
            return self.signal_all(name, "CONT", continue_process);
        }
        self.run(&self.verbs.simple("unpause", name)).map(drop)
    }

    /// Signals each process of a rootless container, until no new one is found: a process may fork while others are
    /// being stopped. Those of a job are this user's own, and `send` reaches them at once; those of a build step may have
    /// subordinate ids, which only the engine's program reaches.
    fn signal_all(&self, name: &str, signal: &str, send: fn(u32) -> bool) -> Result<(), EngineError> {
        let first = self
            .inspect(name)?
            .ok_or(EngineError::NoContainer)?
            .pid
            .ok_or_else(|| EngineError::Conflict(format!("{name} is not running")))?;
        let _signals = freeze::signals_of_processes();
        let mut signalled: Vec<u32> = Vec::new();
        loop {
            let fresh: Vec<u32> =
                freeze::tree(first).into_iter().filter(|pid| !signalled.contains(pid)).collect();
            if fresh.is_empty() {
                return Ok(());
            }
            let of_others: Vec<u32> = fresh.iter().copied().filter(|pid| !send(*pid)).collect();
            if !of_others.is_empty() && self.flavor() == Flavor::Podman {
                // One of them may have ended meanwhile, which makes `kill` fail for that one only.
                let sent = self.run(&self.verbs.signal(signal, &of_others));
                if let Err(error @ (EngineError::NotInstalled { .. } | EngineError::Cancelled)) = sent {
                    return Err(error);
                }
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

    /// Waits for the end of a container's first process, however long it takes.
    ///
    /// # Errors
    /// When the engine cannot tell, or when cancelled.
    pub fn wait_for_end(&self, name: &str) -> Result<(), EngineError> {
        self.run(&self.verbs.wait_for_end(name)).map(drop)
    }

    /// Whether [`stats`](Self::stats) tells CPU time, which only Podman does.
    pub fn tells_cpu_time(&self) -> bool {
        self.flavor() == Flavor::Podman
    }

    /// What a running container uses.
    ///
    /// # Errors
    /// When it does not run, or the engine cannot tell.
    pub fn stats(&self, name: &str) -> Result<Stats, EngineError> {
        let command = self.verbs.stats(name);
        let captured = self.run(&command)?;
        self.read(&command, output::parse_stats(&captured.stdout))
    }

    /// The last `bytes` of what the container printed.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn logs(&self, name: &str, bytes: usize) -> Result<Vec<u8>, EngineError> {
        self.logs_since(name, None, bytes)
    }

    /// The last `bytes` of what the container printed since a moment, in seconds since 1970.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn logs_since(&self, name: &str, since: Option<f64>, bytes: usize) -> Result<Vec<u8>, EngineError> {
        let captured = self.run(&self.verbs.logs(name, since, bytes))?;
        let mut said = captured.stdout;
        said.extend_from_slice(&captured.stderr);
        let over = said.len().saturating_sub(bytes);
        said.drain(..over);
        Ok(said)
    }

    /// Removes a container, running or not. That there is none is as good. It is one command, which goes on when we are
    /// gone: on a slow host it may outlast the time that a client allows for an abort.
    ///
    /// # Errors
    /// When the engine can't.
    pub fn remove(&self, name: &str) -> Result<(), EngineError> {
        let mut result = self.run(&self.verbs.remove(name, self.flavor().kill_at_once()));
        if matches!(result, Err(EngineError::TooOld(_))) {
            // Podman before version 4 cannot be told: it waits 10 s for the end of what it is to remove.
            result = self.run(&self.verbs.remove(name, &[]));
        }
        match result {
            Err(EngineError::NoContainer) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Whether somebody had this container killed or stopped since it was last started, by the engine's log of events
    /// (which a restart of the engine empties).
    pub fn was_ordered_to_die(&self, inspected: &Inspected) -> bool {
        let Some(started) = inspected.started_at else { return false };
        let command = self.verbs.kill_events(&inspected.id, started, boinc::clock::now());
        self.run(&command).is_ok_and(|captured| !captured.stdout.trim_ascii().is_empty())
    }

    /// When what keeps containers alive was last started or stopped, seconds since 1970: the engine's daemon or its virtual machine.
    /// `None` where there is none, or it cannot be told.
    pub fn daemon_started(&self) -> Option<f64> {
        if self.has_machine() {
            return self.machine().ok()??.last_up;
        }
        if !self.verbs.flavor.has_daemon() {
            return None;
        }
        docker_daemon_started(&self.endpoint()?)
    }

    /// Where Docker's daemon listens. Its program says so by itself.
    fn endpoint(&self) -> Option<String> {
        let captured = self.transport.stream(&self.verbs.endpoint(), None, None, &self.cancel).ok()?;
        serde_json::from_slice(&captured.stdout).ok()
    }

    /// A failure in words that are not known: where the daemon's socket cannot be reached, the kernel tells the cause, however a
    /// version of the program puts it.
    fn explained(&self, error: EngineError) -> EngineError {
        let EngineError::Failed { said, .. } = &error else { return error };
        if !self.verbs.flavor.has_daemon() {
            return error;
        }
        match self.endpoint().and_then(|endpoint| unreachable(&endpoint)) {
            Some(io::ErrorKind::PermissionDenied) => EngineError::NoPermission(said.clone()),
            Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                EngineError::Away(said.clone())
            }
            _ => error,
        }
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

    pub(super) fn run(&self, command: &Invocation) -> Result<Captured, EngineError> {
        let mut result = self.stream(command, None, None);
        for _ in 0..MAX_DISTURBED {
            // Podman fails a command when an image is removed meanwhile, whoever removes it; nothing was done then.
            if !matches!(result, Err(EngineError::ImagesChanged(_))) {
                break;
            }
            result = self.stream(command, None, None);
        }
        result
    }

    pub(super) fn stream(
        &self,
        command: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
    ) -> Result<Captured, EngineError> {
        self.log(command);
        let captured = self.transport.stream(command, input, output, &self.cancel)?;
        if captured.status == 0 {
            return Ok(captured);
        }
        let verb = command.args.first().map(|verb| verb.to_string_lossy().into_owned()).unwrap_or_default();
        let error = self.explained(classify(&verb, &captured));
        if self.verbose {
            crate::say!("{verb}: {error}");
        }
        Err(error)
    }

    pub(super) fn read<V>(&self, command: &Invocation, parsed: Result<V, String>) -> Result<V, EngineError> {
        parsed.map_err(|why| EngineError::Unreadable { command: command.to_string(), why })
    }
}

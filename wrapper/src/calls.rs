//! What each call of the lifecycle means in commands of the engine and files of the slot.

mod checks;
mod failures;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::checks::check_architecture;
use self::failures::{
    NoImageMade, classify, classify_machine, classify_make, classify_unrelated, classify_workdir_files,
};
use crate::assignment::{Assignment, HIDDEN_FILES, ImagePlan, ImageSourceError};
use crate::engine::{
    self, Cancel, CliEngine, ContainerSpec, EarlyUsage, EngineError, HostTransport, Inspected, LOG_LINES,
    MachineError, Status, UserError, killed_from_outside,
};
use crate::image::{ImageIndex, ImageMaker};
use crate::lifecycle::{Call, CallError, ContainerState, Exited, Reply};
use crate::log::{MAX_JOB_BYTES, job_output};
use crate::network_probe::is_online;
use crate::platform::kill_leftovers;
use crate::seccomp;
use crate::shared::{Container, Shared};
use crate::workdir::{
    OutputProblem, PrepareError, SlotScan, collect, fill, give_work, has_files_of_others, prepare,
};
use boinc::error_chain::chain;
use boinc::wire::slot::SlotPathError;

/// From the death of a container that is being removed by force until the engine says so (Podman 4.3: up to 0.3 s).
const REMOVAL_TAKES: Duration = Duration::from_millis(700);

/// A container that its engine has failed to start or to continue this often in a row is made again, once.
const MOST_FAILED_STARTS: u32 = 3;

/// Carries calls out, on the worker's thread.
pub struct Calls {
    assignment: Assignment,
    shared: Arc<Shared>,
    cancel: Cancel,
    engine: Option<CliEngine<HostTransport>>,
    image: Option<ImagePlan>,
    /// How often the engine has failed to start or to continue the container.
    failed_starts: u32,
    /// The id of the container that this life has created and not started yet.
    created: Option<String>,
}

impl Calls {
    /// For this task.
    pub fn new(assignment: Assignment, shared: Arc<Shared>, cancel: Cancel) -> Self {
        Self { assignment, shared, cancel, engine: None, image: None, failed_starts: 0, created: None }
    }

    /// Carries one out.
    ///
    /// # Errors
    /// Sorted by what the lifecycle does about it.
    pub fn perform(&mut self, call: Call) -> Result<Reply, CallError> {
        self.carry_out(call).map_err(|error| match (&error, &self.engine) {
            // An engine in a virtual machine that has stopped says only that it cannot be reached.
            (CallError::EngineAway(_), Some(engine)) => match engine.check_machine(&[]) {
                Err(why @ (MachineError::NotRunning { .. } | MachineError::Missing)) => {
                    CallError::EngineAway(why.to_string())
                }
                _ => error,
            },
            _ => error,
        })
    }

    fn carry_out(&mut self, call: Call) -> Result<Reply, CallError> {
        match call {
            Call::Probe => self.probe(),
            Call::Inspect => self.inspect(),
            Call::MakeImage => self.make_image(),
            Call::Create => self.create(),
            Call::Start => self.start(),
            Call::Pause => self.simple(|engine, name| engine.pause(name)),
            Call::Unpause => self.unpause(),
            Call::Kill => self.simple(|engine, name| engine.kill(name)),
            Call::Remove => {
                let removed = self.simple(|engine, name| engine.remove(name));
                self.take_back();
                removed
            }
            Call::AwaitExit => self.await_exit(),
            Call::Collect => self.collect(),
            Call::Logs => self.logs(),
        }
    }

    fn engine(&self) -> Result<&CliEngine<HostTransport>, CallError> {
        match &self.engine {
            Some(engine) => Ok(engine),
            None => Err(CallError::Transient("no engine was chosen yet".into())),
        }
    }

    fn name(&self) -> &str {
        self.assignment.container_name()
    }

    /// The engine that already has the container; else the one the client found; else the first that answers.
    fn probe(&mut self) -> Result<Reply, CallError> {
        let remembered = self.shared.state().engine;
        let told = remembered.or(self.assignment.reported_engine());
        let mut last = None;
        for (flavor, program) in engine::find(told) {
            if remembered.is_some_and(|remembered| remembered != flavor) {
                continue;
            }
            let state = self.assignment.images.path();
            let transport = HostTransport::of(flavor, state).map_err(|error| {
                CallError::Host(format!("failed to make a directory in {}: {error}", state.display()))
            })?;
            let verbose = self.assignment.verbose();
            let engine = CliEngine::new(flavor, program, transport, self.cancel.clone(), verbose)
                .without_client_settings(state)
                .map_err(|error| {
                    CallError::Host(format!("failed to write Docker's configuration: {error}"))
                })?;
            let known = told == Some(flavor);
            let probe = || if known { Ok(()) } else { engine.probe().map_err(classify) };
            match self.check_machine(&engine).and_then(|()| probe()) {
                Ok(()) => {
                    if self.shared.state().container_mark.is_empty() {
                        ask_ahead(&engine);
                    }
                    self.engine = Some(engine);
                    return Ok(Reply::Probed);
                }
                Err(error) if known => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            CallError::Host(
                "no container engine: neither docker nor podman is installed; install one of them and restart the BOINC \
                 client"
                    .into(),
            )
        }))
    }

    fn inspect(&self) -> Result<Reply, CallError> {
        let inspected = self.engine()?.inspect(self.name()).map_err(classify)?;
        let inspected = inspected.ok_or(CallError::NoContainer)?;
        if inspected.mark.is_empty() || inspected.mark != self.shared.state().container_mark {
            crate::say!("a container of this name is not this task's: it is removed");
            self.engine()?.remove(self.name()).map_err(classify)?;
            return Err(CallError::NoContainer);
        }
        if inspected.is_only_believed_to_run() {
            crate::say!("the engine believes in a container whose processes are gone: it is removed");
            self.engine()?.remove(self.name()).map_err(classify)?;
            return Err(CallError::NoContainer);
        }
        self.seen(inspected)
    }

    fn seen(&self, inspected: Inspected) -> Result<Reply, CallError> {
        let engine = self.engine()?;
        let container = Container {
            name: self.name().to_owned(),
            id: inspected.id.clone(),
            engine: engine.clone(),
            written: inspected.written.iter().map(PathBuf::from).collect(),
            rootless: engine.is_rootless(),
            freezes_by_signal: engine.freezes_by_signal(),
        };
        *self.shared.container.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(container);
        Ok(Reply::Container(match inspected.status {
            Status::Created => ContainerState::Created,
            Status::Running => ContainerState::Running { pid: inspected.pid },
            Status::Paused => ContainerState::Paused { pid: inspected.pid },
            Status::Exited | Status::Dead => self.exit_state(&inspected, engine)?,
            status @ (Status::Restarting | Status::Removing) => {
                return Err(CallError::Conflict(format!("the engine says {status:?}")));
            }
        }))
    }

    fn exit_state(
        &self,
        inspected: &Inspected,
        engine: &CliEngine<HostTransport>,
    ) -> Result<ContainerState, CallError> {
        let killed = inspected.exit_code == 137 && !inspected.oom_killed;
        let mut ordered = killed && engine.was_ordered_to_die(inspected);
        if !killed_from_outside(inspected, engine.daemon_started(), ordered) {
            if killed {
                // A forced removal kills first, and is told of only a moment later.
                thread::sleep(REMOVAL_TAKES);
                engine.inspect(self.name()).map_err(classify)?.ok_or(CallError::NoContainer)?;
                ordered = engine.was_ordered_to_die(inspected);
            }
            if !ordered {
                return Ok(ContainerState::Exited(Exited {
                    code: inspected.exit_code,
                    out_of_memory: inspected.oom_killed,
                    error: inspected.error.clone(),
                }));
            }
        }
        Ok(ContainerState::Killed)
    }

    /// The image; found out once in a life, since its files are hashed for that.
    fn image(&mut self, scan: &SlotScan) -> Result<ImagePlan, CallError> {
        if let Some(image) = &self.image {
            return Ok(image.clone());
        }
        let profile = self.seccomp_profile()?;
        let engine = self.engine()?;
        let image = self.assignment.image(scan, &profile, || engine.architecture());
        let image = image.map_err(|error| match error {
            ImageSourceError::Engine(error) => classify_unrelated(error),
            error => CallError::Job(error.to_string()),
        })?;
        self.image = Some(image.clone());
        Ok(image)
    }

    /// The profile of system calls for all containers of this task.
    fn seccomp_profile(&self) -> Result<PathBuf, CallError> {
        let engine = self.engine()?;
        let version = engine.info().map_err(classify)?.version;
        seccomp::file_in(self.assignment.images.path(), engine.flavor(), &version)
            .map_err(|error| CallError::Host(format!("failed to write the seccomp profile: {error}")))
    }

    fn maker(&self) -> ImageMaker {
        ImageMaker { state: self.assignment.images.clone(), budget: self.assignment.image_budget() }
    }

    fn scan(&self) -> Result<SlotScan, CallError> {
        let known = self.shared.state().manifest.clone();
        self.assignment.scan(known.as_ref()).map_err(|error| CallError::Job(chain(&error)))
    }

    fn make_image(&mut self) -> Result<Reply, CallError> {
        let image =
            self.image.clone().ok_or_else(|| CallError::Transient("the image is not known yet".into()))?;
        let made = self.maker().make(self.engine()?, &image.source, &self.cancel);
        made.map_err(|error| match classify_make(error) {
            NoImageMade::Network(why) => {
                CallError::Network { why, online: is_online(self.assignment.init_data()) }
            }
            NoImageMade::Other(error) => error,
        })?;
        Ok(Reply::Done)
    }

    fn create(&mut self) -> Result<Reply, CallError> {
        let scan = self.scan()?;
        let image = self.image(&scan)?;
        let profile = self.seccomp_profile()?;
        let engine = self.engine()?;
        if let Some(bytes) = self.assignment.required_memory_bytes() {
            engine.check_memory(bytes).map_err(classify_machine)?;
        }
        let user = engine.container_user(self.assignment.host_user_namespace, self.assignment.job_user);
        let user = user.map_err(|error| match error {
            UserError::Engine(error) => classify_unrelated(error),
            error => CallError::Host(chain(&error)),
        })?;
        self.maker().recover(engine);
        // Before anything is moved: the files of an image that has to be made are needed where they are.
        let no_image =
            || CallError::NoImage { needs_network: self.maker().needs_network(engine, &image.source) };
        let found = self.maker().find(engine, &image.source).map_err(classify)?.ok_or_else(no_image)?;
        check_architecture(engine, &image.source, &found.architecture)?;
        self.assignment.check_arguments(&found.entrypoint).map_err(CallError::Job)?;
        let id = found.id;
        {
            let mut state = self.shared.state();
            state.engine = Some(engine.flavor());
            if state.container_mark.is_empty() {
                state.container_mark = new_mark();
            }
            match &mut state.manifest {
                // Copy-mode inputs have left the slot since.
                Some(manifest) => {
                    let new: Vec<String> = scan
                        .inputs
                        .iter()
                        .map(|input| input.name.clone())
                        .filter(|name| !manifest.inputs.contains(name))
                        .collect();
                    manifest.inputs.extend(new);
                }
                none => *none = Some(scan.manifest()),
            }
            state.write(&self.assignment.state_file).map_err(|error| {
                CallError::Host(format!("failed to write the state of this task: {error}"))
            })?;
        }
        let mounts = prepare(
            self.assignment.layout(),
            &scan,
            self.assignment.workdir(),
            &self.assignment.cleaned_init_data(),
            |source| user.can_read(source),
            |name| self.assignment.stays_in_slot(name, &image),
        )
        .map_err(|error: PrepareError| {
            let of_job = error.is_of_job();
            if of_job { CallError::Job(chain(&error)) } else { CallError::Host(chain(&error)) }
        })?;
        // The index says that the image is there; others may have removed it.
        let gone = |error| match (error, image.source.key()) {
            (CallError::NoImage { .. }, Some(key)) => {
                let forgotten = ImageIndex::of(&self.assignment.images).forget(engine.flavor(), &key.hex());
                forgotten.err().map_or_else(no_image, |error| CallError::Host(chain(&error)))
            }
            (error, _) => error,
        };
        self.fill_workdir(engine, &id).map_err(gone)?;
        if let Some(owner) = user.owner {
            give_work(self.assignment.layout(), owner).map_err(|error| {
                CallError::Host(format!("failed to give the work directory away: {error}"))
            })?;
        }
        self.assignment.layout().seal().map_err(|error| {
            CallError::Host(format!("failed to write the work directory to the disk: {error}"))
        })?;
        let mark = self.shared.state().container_mark.clone();
        let owner = ImageIndex::of(&self.assignment.images).owner();
        let owner = owner.map_err(|error| CallError::Host(chain(&error)))?;
        let container = self.assignment.container(&user, mark, id, mounts, &profile);
        let spec = ContainerSpec { owner, ..container };
        self.created = engine.create(&spec).map_err(classify).map_err(gone)?;
        self.check_files_are_shared()?;
        Ok(Reply::Done)
    }

    /// Copies what the image has at the work directory, once for each job: what the job changes of it stays changed.
    fn fill_workdir(&self, engine: &CliEngine<HostTransport>, image: &str) -> Result<(), CallError> {
        if self.shared.state().workdir_is_filled {
            return Ok(());
        }
        let files = self.maker().workdir_files(engine, image, self.assignment.workdir());
        let names = match files.map_err(classify_workdir_files)? {
            Some(tar) => fill(self.assignment.layout(), &tar).map_err(|error| {
                CallError::Host(format!("failed to copy the image's files to the work directory: {error}"))
            })?,
            None => Vec::new(),
        };
        let mut state = self.shared.state();
        state.workdir_is_filled = true;
        // None of them is an output unless job.toml says so.
        state.manifest.get_or_insert_default().inputs.extend(names);
        state
            .write(&self.assignment.state_file)
            .map_err(|error| CallError::Host(format!("failed to write the state of this task: {error}")))
    }

    fn start(&mut self) -> Result<Reply, CallError> {
        let is_remote = self.engine()?.is_remote();
        let early = self.created.take().filter(|_| !is_remote).map(EarlyUsage::watch);
        let started = self.engine()?.start(self.name());
        let seen = started.map(|()| self.inspect());
        *self.shared.early_usage.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            early.and_then(EarlyUsage::finish);
        match seen {
            Ok(seen) => {
                self.failed_starts = 0;
                seen
            }
            Err(error) => Err(self.not_run(error)),
        }
    }

    fn unpause(&mut self) -> Result<Reply, CallError> {
        let unpaused = self.engine()?.unpause(self.name());
        unpaused.map_err(|error| self.not_run(error))?;
        self.failed_starts = 0;
        Ok(Reply::Done)
    }

    /// What to do about a container that the engine has failed to start or to continue. Another one over the same work
    /// directory may run where this one never will: after an update of the engine, or when its mounts are out of sight.
    fn not_run(&mut self, error: EngineError) -> CallError {
        if matches!(error, EngineError::Failed { .. }) {
            self.failed_starts += 1;
            // After the first the engine takes them up by itself, as a rule.
            if self.failed_starts > 1
                && let Err(error) = self.end_leftovers()
            {
                return error;
            }
            if self.failed_starts == MOST_FAILED_STARTS
                && let Err(error) = self.simple(|engine, name| engine.remove(name))
            {
                crate::say!("failed to remove a container that the engine cannot run: {error}");
            }
        }
        classify(error)
    }

    /// Processes of an earlier start that the engine does not know of keep it from starting the container.
    fn end_leftovers(&self) -> Result<(), CallError> {
        let inspected = self.engine()?.inspect(self.name()).map_err(classify)?;
        let Some(inspected) = inspected.filter(|inspected| inspected.status == Status::Created) else {
            return Ok(());
        };
        let count = kill_leftovers(&inspected.id);
        if count > 0 {
            crate::say!("ended {count} processes of the container, of which the engine did not know");
        }
        Ok(())
    }

    fn simple(
        &self,
        verb: impl Fn(&CliEngine<HostTransport>, &str) -> Result<(), EngineError>,
    ) -> Result<Reply, CallError> {
        verb(self.engine()?, self.name()).map_err(classify)?;
        Ok(Reply::Done)
    }

    /// The engine's `wait` returns as soon as it knows the status; an inspect is needed only for a failure.
    fn await_exit(&self) -> Result<Reply, CallError> {
        let code = self.engine()?.wait(self.name()).map_err(|error| match error {
            // It answers, but has lost sight of the container: a daemon that was killed while it started one does.
            error @ EngineError::TimedOut { .. } => CallError::Transient(chain(&error)),
            error => classify(error),
        })?;
        // Podman's service answers 0 too for a container that was killed with its virtual machine.
        if code == 0 && !self.engine()?.has_machine() {
            let exited = Exited { code, out_of_memory: false, error: String::new() };
            return Ok(Reply::Container(ContainerState::Exited(exited)));
        }
        self.inspect()
    }

    /// Files of subordinate ids, which this user can neither move nor remove, become the user's again.
    fn take_back(&self) {
        let work = self.assignment.layout.work();
        let Ok(engine) = self.engine() else { return };
        if !has_files_of_others(self.assignment.layout()) {
            return;
        }
        if let Err(error) = engine.take_back(&work) {
            crate::say!("failed to take back files of other users in {}: {}", work.display(), chain(&error));
        }
    }

    fn collect(&self) -> Result<Reply, CallError> {
        self.take_back();
        let manifest = self.shared.state().manifest.clone().unwrap_or_default();
        let target_of = |name: &str| self.assignment.output_place(name);
        match collect(
            self.assignment.layout(),
            &manifest,
            self.assignment.outputs(),
            &HIDDEN_FILES,
            target_of,
        ) {
            Ok(()) => Ok(Reply::Done),
            Err(OutputProblem::Work { source }) => {
                Err(CallError::Transient(format!("failed to read the work directory: {source}")))
            }
            Err(OutputProblem::Move { name, source, .. }) if is_full(&source) => {
                Err(CallError::Host(format!("can't move output {name}: {source}")))
            }
            Err(
                error @ (OutputProblem::Move { .. }
                | OutputProblem::Place {
                    source: SlotPathError::Io { .. } | SlotPathError::Link(_),
                    ..
                }),
            ) => Err(CallError::Transient(chain(&error))),
            Err(error) => Err(CallError::Job(chain(&error))),
        }
    }

    fn logs(&self) -> Result<Reply, CallError> {
        let log = self.engine()?.logs(self.name(), MAX_JOB_BYTES).map_err(classify)?;
        let lines = log.iter().filter(|byte| **byte == b'\n').count();
        job_output(&log, log.len() >= MAX_JOB_BYTES || lines >= LOG_LINES);
        Ok(Reply::Done)
    }
}

/// Has the engine say about itself what its container will need, beside the work until then.
fn ask_ahead(engine: &CliEngine<HostTransport>) {
    let engine = engine.clone();
    // Whoever needs the answer asks again if this fails, and reports why.
    let _ = thread::Builder::new().name("engine info".into()).spawn(move || engine.info().map(drop));
}

/// Another one each time, on this host.
fn new_mark() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// Trying again at once is of no use: somebody has to make room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

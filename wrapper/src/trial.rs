//! A container as a job's, made only to see whether this host can run one: started, paused, resumed, measured, removed.
//!
//! Its image is empty: the program that runs in it is a file of the host, mounted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{
    Cancel, CliEngine, ContainerSpec, ContainerUser, EngineError, Flavor, Hardening, Inspected, Mount,
    NativeTransport, Status, UsageReader, UserError,
};
use crate::platform::SetLimits;
use crate::seccomp;
use crate::workdir::{Layout, OWN_MODE, give_work};
use boinc::platform::set_mode;

/// The file that the program finds in its directory.
pub const GIVEN: &str = "given";
/// The file that it makes then, with the same content.
pub const MADE: &str = "made";
/// The file on whose appearance it ends.
pub const END: &str = "end";
/// Its exit status.
pub const STATUS: i32 = 7;

/// An engine that takes longer for all of it is none for jobs.
const PATIENCE: Duration = Duration::from_secs(30);
/// The program has started and written by then, also on a slow host.
const FIRST_SIGN: Duration = Duration::from_secs(10);
/// Between two looks at what is being waited for.
const POLL: Duration = Duration::from_millis(20);
/// So long the container is paused.
const PAUSE: Duration = Duration::from_millis(300);
/// CPU seconds that a paused container may still take: what it was in the middle of.
const STANDS_STILL: f64 = 0.05;
/// CPU seconds after which it has continued.
const CONTINUES: f64 = 0.1;

const WORKDIR: &str = "/app";
const MEMORY_BYTES: u64 = 512_000_000;
const PIDS: u64 = 64;

/// The program that runs in the container, and the files of the host that it consists of.
///
/// It copies [`GIVEN`] to [`MADE`] in its directory, uses a processor until [`END`] is there, and ends with [`STATUS`].
#[derive(Clone, Debug)]
pub struct Program {
    /// Its files, as the container sees them.
    pub files: Vec<Mount>,
    /// Its argument vector, beginning with its path in the container.
    pub command: Vec<String>,
}

/// What a container could do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Its processes are seen from here.
    pub visible: bool,
    /// Its CPU time can be read.
    pub cpu_time: bool,
    /// It stands still when it is paused, and continues. Only told where the CPU time can be read.
    pub pauses: bool,
    /// The kernel holds it to its limit of memory.
    pub memory_limit: bool,
    /// The kernel holds it to its limit of processes.
    pub process_limit: bool,
}

/// No container can do what a job's has to.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The files of the trial cannot be made.
    #[error("failed to prepare a test container in {}", path.display())]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No user of a container can use the files of this user.
    #[error(transparent)]
    User(#[from] UserError),
    /// A command of the engine failed.
    #[error("failed to {doing} a test container")]
    Engine {
        /// What it was to do.
        doing: &'static str,
        /// Why it did not.
        source: EngineError,
    },
    /// The program ran, and ended before it had written.
    #[error("a test container ended with status {status}{}", said_of(said))]
    Ended {
        /// Its exit status.
        status: i32,
        /// The end of what it printed.
        said: String,
    },
    /// What it wrote is not here.
    #[error(
        "a test container wrote nothing to its work directory that is seen here: the engine does not share {}",
        path.display()
    )]
    NotShared {
        /// The work directory on this host.
        path: PathBuf,
    },
    /// Its exit status is not the program's.
    #[error("a test container ended with status {status} instead of {STATUS}")]
    Status {
        /// What the engine reported.
        status: i32,
    },
}

fn said_of(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// Runs `program` as a job in `directory`, which must be empty, and removes what it has made in the engine. Takes some
/// seconds, 30 at most.
///
/// # Errors
/// When no job can run.
pub fn run(
    flavor: Flavor,
    engine: PathBuf,
    directory: &Path,
    program: &Program,
) -> Result<Trial, TrialError> {
    let cancel = Cancel::default();
    let engine = CliEngine::new(flavor, engine, NativeTransport, cancel.clone(), false);
    let engine = engine.without_client_settings(directory).map_err(prepare(directory))?;
    let (finished, timer) = std::sync::mpsc::channel::<()>();
    thread::spawn(move || {
        if timer.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            cancel.cancel();
        }
    });
    let name = format!("buoy-trial-{}", std::process::id());
    let image = engine.import_empty(&name).map_err(doing("make the image of"))?;
    let tried =
        create(&engine, &name, &image, directory, program).and_then(|()| follow(&engine, &name, directory));
    drop(finished);
    // Also when the time was up.
    let engine = engine.with_cancel(Cancel::default());
    let removed = engine.remove(&name).and_then(|()| engine.remove_image(&image));
    let tried = tried?;
    removed.map_err(doing("remove"))?;
    Ok(tried)
}

fn doing(doing: &'static str) -> impl Fn(EngineError) -> TrialError {
    move |source| TrialError::Engine { doing, source }
}

fn prepare(path: &Path) -> impl Fn(io::Error) -> TrialError {
    let path = path.to_owned();
    move |source| TrialError::Prepare { path: path.clone(), source }
}

fn create(
    engine: &CliEngine<NativeTransport>,
    name: &str,
    image: &str,
    directory: &Path,
    program: &Program,
) -> Result<(), TrialError> {
    let prepare = prepare(directory);
    let ContainerUser { ids, host_user_namespace, owner, relabel } = engine.container_user(false, None)?;
    let version = engine.info().map_err(doing("ask about"))?.version;
    let seccomp = seccomp::file_in(directory, engine.flavor(), &version).map_err(&prepare)?;
    let layout = Layout::new(directory);
    fs::create_dir_all(layout.work())
        .and_then(|()| set_mode(&layout.own(), OWN_MODE))
        .and_then(|()| fs::write(layout.work().join(GIVEN), name))
        .and_then(|()| owner.map_or(Ok(()), |owner| give_work(&layout, owner)))
        .map_err(&prepare)?;
    let mut mounts = vec![Mount { source: layout.work(), target: WORKDIR.into(), read_only: false }];
    mounts.extend(program.files.iter().cloned());
    let (first, args) =
        program.command.split_first().map_or(("", &[][..]), |(first, args)| (first.as_str(), args));
    let spec = ContainerSpec {
        name: name.to_owned(),
        mark: "trial".into(),
        image: image.to_owned(),
        hardening: Hardening {
            user: ids,
            host_user_namespace,
            memory_bytes: MEMORY_BYTES,
            cpus: 1.0,
            pids: PIDS,
            log_bytes: 1_000_000,
            seccomp: Some(seccomp),
            ..Hardening::default()
        },
        workdir: WORKDIR.into(),
        relabel,
        mounts,
        init: true,
        raw_args: vec!["--entrypoint".into(), first.into()],
        args: args.to_vec(),
        ..ContainerSpec::default()
    };
    engine.create(&spec).map(drop).map_err(doing("create"))
}

fn follow(engine: &CliEngine<NativeTransport>, name: &str, directory: &Path) -> Result<Trial, TrialError> {
    engine.start(name).map_err(doing("start"))?;
    let work = Layout::new(directory).work();
    let inspected = await_first_sign(engine, name, &work)?;
    // A process of this number that is not the container's tells nothing.
    let pid = inspected.pid.filter(|pid| Path::new(&format!("/proc/{pid}")).exists());
    let mut trial = Trial { visible: pid.is_some(), ..Trial::default() };
    if let Some(pid) = pid {
        let limits = SetLimits::of(pid, &inspected.id);
        trial.memory_limit = limits.memory_bytes.is_some_and(|bytes| bytes <= MEMORY_BYTES);
        trial.process_limit = limits.pids.is_some_and(|pids| pids <= PIDS);
    }
    let mut usage = pid.map(|pid| UsageReader::open(pid, &inspected.id));
    let mut cpu_seconds = || usage.as_mut().map_or(0.0, |usage| usage.read().cpu_seconds);
    engine.pause(name).map_err(doing("pause"))?;
    let before = cpu_seconds();
    thread::sleep(PAUSE);
    let after = cpu_seconds();
    engine.unpause(name).map_err(doing("resume"))?;
    let deadline = Instant::now() + FIRST_SIGN;
    while cpu_seconds() < after + CONTINUES && pid.is_some() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    trial.cpu_time = cpu_seconds() >= after + CONTINUES;
    trial.pauses = trial.cpu_time && after - before < STANDS_STILL;
    fs::write(work.join(END), "").map_err(prepare(&work))?;
    match engine.wait(name).map_err(doing("wait for"))? {
        STATUS => Ok(trial),
        status => Err(TrialError::Status { status }),
    }
}

/// Waits until the program has written, and looks at its container.
fn await_first_sign(
    engine: &CliEngine<NativeTransport>,
    name: &str,
    work: &Path,
) -> Result<Inspected, TrialError> {
    let deadline = Instant::now() + FIRST_SIGN;
    loop {
        let written = fs::read_to_string(work.join(MADE)).is_ok_and(|text| text == name);
        let inspected = engine
            .inspect(name)
            .map_err(doing("look at"))?
            .ok_or(EngineError::NoContainer)
            .map_err(doing("find"))?;
        match inspected.status {
            Status::Exited | Status::Dead => {
                let said = engine.logs(name, 2_000).map_err(doing("read the output of"))?;
                let said = String::from_utf8_lossy(&said).trim().replace('\n', " | ");
                return Err(TrialError::Ended { status: inspected.exit_code, said });
            }
            _ if written => return Ok(inspected),
            _ if Instant::now() > deadline => return Err(TrialError::NotShared { path: work.to_owned() }),
            _ => thread::sleep(POLL),
        }
    }
}

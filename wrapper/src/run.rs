//! From the slot's files to a driver, and from its ending to an exit status.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::assignment::{Assignment, BuildRules};
use crate::calls::Calls;
use crate::client_link::ClientLink;
use crate::distro_work;
use crate::driver::{Driver, Parts};
use crate::engine::Cancel;
use crate::job_files::JobFiles;
use crate::lifecycle::{Ending, Job, Postponed, exit_code};
use crate::limits::ContainerWatch;
use crate::naming::ContainerName;
use crate::peer::Peer;
use crate::shared::Shared;
use crate::state::State;
use crate::state_dir::StateDir;
use crate::task_data;
use crate::workdir::{Layout, OWN_MODE};
use boinc::error_chain::chain;
use boinc::job::argv::{Args, ArgvError, DEFAULT_CONFIG};
use boinc::job::policy::{Policy, Trust, WorkDirectory, trust_of};
use boinc::job::spec::JobSpec;
use boinc::nofollow::Directory;
use boinc::wire::init_data::InitData;
use boinc::wire::message::GraphicsReply;
use boinc::wire::slot::{LockError, SlotLock, SlotPathError, resolve_input};

/// A wrapper that is still leaving holds the slot's lock for two seconds at most.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(35);

/// When a slot that another program holds is tried again.
const SLOT_DELAY: Duration = Duration::from_secs(600);

/// Why a task can't even begin.
#[derive(Debug, thiserror::Error)]
enum StartError {
    /// Nothing to be done about it here: the job was refused.
    #[error("{0}")]
    Refused(String),
    /// The host's or the client's doing: may be better later.
    #[error("{0}")]
    Host(String),
}

impl StartError {
    fn refused(error: &dyn std::error::Error) -> Self {
        StartError::Refused(chain(error))
    }

    fn host(error: &dyn std::error::Error) -> Self {
        StartError::Host(chain(error))
    }
}

/// Runs the task of the current directory, as a client starts us.
pub fn in_current_directory(args: Args) -> i32 {
    match std::env::current_dir() {
        Ok(slot) => run(&slot, args),
        Err(error) => {
            crate::say!("there is no current directory: {error}");
            exit_code::INIT_FAILURE
        }
    }
}

/// Tells the client that the task's command line can't be read.
pub fn refuse_arguments(error: &ArgvError) -> i32 {
    refuse(error, Path::new("."), &Peer::Client)
}

/// Tells whoever has started us that the command line of the slot's task can't be read.
pub fn refuse(error: &ArgvError, slot: &Path, peer: &Peer) -> i32 {
    let ending =
        Ending::failed(exit_code::INIT_FAILURE, format!("the task's command line: {}", chain(error)));
    conclude(&ending, slot, peer)
}

/// Runs the task of the slot directory `slot`, and gives back the process's exit status.
pub fn run(slot: &Path, args: Args) -> i32 {
    crate::say!("buoy-wrapper {} starting", env!("CARGO_PKG_VERSION"));
    let lock = match lock(slot) {
        Ok(lock) => lock,
        // The slot is another program's, so no file of it may be touched but the one by which BOINC's API says this, too
        // (api/boinc_api.cpp, `boinc_init_options_general`).
        Err(why) => {
            let ending = Ending::TryLater { delay: SLOT_DELAY, why, postponed: Postponed::Host };
            return conclude(&ending, slot, &Peer::Client);
        }
    };
    let status = live(slot, args, &Peer::Client);
    drop(lock);
    status
}

/// Runs the task of a slot that is ours, and gives back the process's exit status.
pub fn live(slot: &Path, args: Args, peer: &Peer) -> i32 {
    let ending = match start(slot, args, peer) {
        Ok(driver) => return driver.run().process_status(),
        Err(StartError::Refused(why)) => Ending::failed(exit_code::INIT_FAILURE, why),
        Err(StartError::Host(why)) => {
            let (attempt, is_overdue) = count_attempt(slot);
            Ending::host_cannot(attempt, is_overdue, why)
        }
    };
    conclude(&ending, slot, peer)
}

/// Says how a task ended that no driver has had, and gives back the process's exit status.
pub fn conclude(ending: &Ending, slot: &Path, peer: &Peer) -> i32 {
    crate::say!("{}", crate::digest::summary(ending));
    peer.report(slot, ending);
    ending.process_status()
}

/// How often this task could not start before now, and whether it is overdue; counts this time too. Where there is no state directory nothing can
/// be counted, and each time is the first.
fn count_attempt(slot: &Path) -> (u32, bool) {
    let Ok(init_data) = task_data::read(slot) else { return (0, false) };
    let is_overdue = is_overdue(&init_data);
    let Ok(directory) = StateDir::of_project(&init_data.project_dir) else { return (0, is_overdue) };
    let path = directory.result(&init_data.result_name);
    let mut state = State::read(&path, &init_data.result_name, slot);
    let before = state.host_attempts;
    state.host_attempts += 1;
    if let Err(error) = state.write(&path) {
        crate::say!("failed to write {}: {error}", path.display());
    }
    (before, is_overdue)
}

/// Whether the task's deadline has passed.
fn is_overdue(init_data: &InitData) -> bool {
    init_data.computation_deadline > 0.0 && boinc::clock::now() > init_data.computation_deadline
}

fn lock(slot: &Path) -> Result<SlotLock, String> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match SlotLock::try_acquire(slot) {
            Ok(lock) => return Ok(lock),
            Err(error @ LockError::Held { .. }) if Instant::now() >= deadline => return Err(chain(&error)),
            Err(LockError::Held { .. }) => std::thread::sleep(Duration::from_millis(100)),
            Err(error) => return Err(chain(&error)),
        }
    }
}

fn start(slot: &Path, args: Args, peer: &Peer) -> Result<Driver, StartError> {
    let init_data = task_data::read(slot).map_err(|error| StartError::host(&error))?;
    let directory = StateDir::of_project(&init_data.project_dir).map_err(|error| StartError::host(&error))?;
    let images = match peer {
        Peer::Client => StateDir::for_images(&directory),
        Peer::Front { .. } => StateDir::of_system(),
    };
    let images = images.map_err(|error| StartError::host(&error))?;
    let state_file = directory.result(&init_data.result_name);
    let first_life = !state_file.exists();
    let mut state = State::read(&state_file, &init_data.result_name, slot);
    if first_life {
        refuse_files_of_ours(slot)?;
        State::remove_abandoned(&directory, SystemTime::now());
    }
    let mut link = ClientLink::attach(slot, &init_data, peer).map_err(|error| StartError::host(&error))?;
    let policy = Policy::load(slot, &init_data).map_err(|error| StartError::host(&error))?;
    let mut assignment = assign(slot, &policy, init_data.clone(), images, state_file.clone(), args)?;
    assignment.job_user = peer.job_user(slot);
    if let Peer::Front { .. } = peer {
        assignment.layout = agent_layout(slot, &assignment, policy.work_directory(), &mut state)?;
    }
    let layout = assignment.layout.clone();
    if let Some(port) = assignment.graphics_port {
        link.announce_graphics(GraphicsReply::WebGraphicsUrl(format!("http://localhost:{port}")));
    }
    let job = match state.ending() {
        Some(ending) => {
            // The client did not see it, or it would not have started us.
            peer.report(slot, &ending);
            Job::finished_before(ending)
        }
        None if first_life => Job::fresh(),
        None => Job::new(state.host_attempts),
    };
    let job = job.overdue(is_overdue(&init_data)).with_network(
        link.network(),
        state.network_failures(SystemTime::now()),
        assignment.has_network(),
    );
    let cancel = Cancel::default();
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        container: Mutex::new(None),
        early_usage: Mutex::default(),
    });
    let limits = ContainerWatch::new(Some(layout.work()), assignment.bounds());
    let sporadic = assignment.args.sporadic;
    Driver::new(Parts {
        layout: layout.clone(),
        state_file,
        init_data,
        sporadic,
        job,
        shared: shared.clone(),
        calls: Calls::new(assignment, shared, cancel.clone()),
        cancel,
        peer: peer.clone(),
        link,
        files: JobFiles::new(layout.work()),
        limits,
        keep_seconds: policy.keep_wsl_seconds(),
    })
    .map_err(|error| StartError::host(&error))
}

/// Before the first life of a result nothing of ours is in its slot. What is there came with the workunit, except for a
/// work directory whose state was lost: a job may start again in that, since nothing in it is believed.
fn refuse_files_of_ours(slot: &Path) -> Result<(), StartError> {
    let own = match Directory::open(slot).and_then(|slot| slot.open_accessible(Layout::OWN)) {
        Ok(own) => own,
        // Whatever else has the name is refused when the work directory is made.
        Err(_) => return Ok(()),
    };
    // A client makes directories for names of files, with another mode than ours.
    let is_ours = own.entry().is_ok_and(|entry| entry.mode == OWN_MODE);
    let names = own.names().map_err(|error| StartError::host(&error))?;
    let names = names.filter_map(|name| Some(name.ok()?.to_string_lossy().into_owned()));
    match names.filter(|name| !is_ours || name != Layout::WORK).min() {
        Some(name) => Err(StartError::Refused(format!(
            "the workunit has a file {}/{name}: names below \"{}\" are the wrapper's own, so choose another",
            Layout::OWN,
            Layout::OWN
        ))),
        None => Ok(()),
    }
}

/// Where an agent has the work directory: that stays where it was, else the policy says it.
fn agent_layout(
    slot: &Path,
    assignment: &Assignment,
    wanted: WorkDirectory,
    state: &mut State,
) -> Result<Layout, StartError> {
    let is_in_slot =
        state.work_is_in_slot.unwrap_or_else(|| state.is_prepared() || wanted == WorkDirectory::Slot);
    state.work_is_in_slot = Some(is_in_slot);
    if is_in_slot {
        return Ok(Layout::new(slot));
    }
    let in_its_place = Directory::open(slot).and_then(|slot| slot.entry_of(Layout::OWN)).ok().flatten();
    if let Some(entry) = in_its_place.filter(|entry| !entry.is_directory()) {
        return Err(StartError::Refused(format!(
            "{:?} in the slot is {}, but that name is the wrapper's own: a file of the workunit has it",
            Layout::OWN,
            entry.description()
        )));
    }
    let own = distro_work::claim(&assignment.images, slot, &assignment.init_data)
        .map_err(|error| StartError::Host(format!("failed to make a work directory: {error}")))?;
    let layout = Layout::elsewhere(slot, own);
    if !layout.work().exists() {
        if state.is_prepared() && state.ended.is_none() {
            crate::say!("the work directory of this task is gone: the job starts from scratch");
        }
        state.forget_work();
    }
    Ok(layout)
}

/// Reads job.toml and the arguments, and refuses what the policies do not allow.
fn assign(
    slot: &Path,
    policy: &Policy,
    init_data: InitData,
    images: StateDir,
    state_file: PathBuf,
    args: Args,
) -> Result<Assignment, StartError> {
    let project_dir = &init_data.project_dir;
    let spec = read_spec(slot, project_dir, &args.config)?;
    if policy.ignored_workunit_policy() {
        crate::say!("a policy.toml that is not the app version's is ignored");
    }
    let trust = trust_of_task(slot, &args, &spec, &init_data);
    let refusals = policy.check(&spec, trust);
    if !refusals.is_empty() {
        let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        return Err(StartError::Refused(lines.join("; ")));
    }
    let job_args = args.job_args(slot, project_dir).map_err(|error| StartError::refused(&error))?;
    let container = ContainerName::of_result(project_dir, &init_data.result_name)
        .map_err(|error| StartError::refused(&error))?;
    let graphics_port = spec.web_graphics_guest_port.and_then(|_| free_port());
    let limits = policy.limits(&spec, trust);
    let build = BuildRules { network: policy.build_network(trust), base_images: policy.base_images(trust) };
    Ok(Assignment {
        layout: Layout::new(slot),
        images,
        state_file,
        init_data,
        args,
        job_args,
        spec,
        limits,
        build,
        runtime: policy.runtime().map(str::to_owned),
        host_user_namespace: policy.host_user_namespace(),
        job_user: None,
        container,
        graphics_port,
    })
}

/// What the project itself signed gets what it asks for, but only as a whole: with an image from the workunit, a
/// signed job.toml would lend its rights to the submitter's code.
fn trust_of_task(slot: &Path, args: &Args, spec: &JobSpec, init_data: &InitData) -> Trust {
    let mut files = vec![args.config.as_str()];
    match &spec.tarballs {
        Some(tarballs) => files.extend(tarballs.files()),
        None if spec.image_name.is_none() => files.push(&args.dockerfile),
        None => {}
    }
    let signed = files.iter().all(|name| trust_of(slot, name, init_data) == Trust::AppVersion);
    if signed { Trust::AppVersion } else { Trust::Workunit }
}

/// job.toml is optional, as it is for upstream's wrapper.
fn read_spec(slot: &Path, project_dir: &Path, name: &str) -> Result<JobSpec, StartError> {
    let place = match resolve_input(slot, project_dir, name) {
        Ok(place) => place,
        Err(SlotPathError::Missing { .. }) if name == DEFAULT_CONFIG => return Ok(JobSpec::default()),
        Err(error) => return Err(StartError::refused(&error)),
    };
    let text = fs::read_to_string(place.path())
        .map_err(|error| StartError::Refused(format!("can't read {name}: {error}")))?;
    JobSpec::parse(&text, name).map_err(|error| StartError::refused(&error))
}

/// A port of this host that is free now. The engine binds it a moment later; that another program takes it in between is
/// unlikely, and makes the container's start fail, which is tried again.
fn free_port() -> Option<u16> {
    Some(TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port())
}

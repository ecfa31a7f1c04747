//! From the slot's files to a driver, and from its ending to an exit status.

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::argv::Args;
use crate::assignment::{Assignment, POLICY_FILE};
use crate::calls::{Calls, chain};
use crate::client_link::ClientLink;
use crate::driver::{Driver, Parts, Shared, tell_client};
use crate::engine::Cancel;
use crate::job_files::JobFiles;
use crate::job_spec::JobSpec;
use crate::lifecycle::{Ending, Job, exit_code};
use crate::limits::LimitWatch;
use crate::naming::ContainerName;
use crate::policy::{Policy, Trust, trust_of};
use crate::state::State;
use crate::wire::init_data::InitData;
use crate::wire::message::GraphicsReply;
use crate::wire::slot::{LockError, SlotLock};
use crate::workdir::{Layout, Weight};

/// A wrapper that is still leaving holds the slot's lock for two seconds at most.
const LOCK_PATIENCE: Duration = Duration::from_secs(35);

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

/// Runs the task of the slot directory `slot`, and gives back the process's exit status.
pub fn run(slot: &Path, args: Args) -> i32 {
    eprintln!("buoy-wrapper {} starting", env!("CARGO_PKG_VERSION"));
    let lock = match lock(slot) {
        Ok(lock) => lock,
        Err(why) => {
            // The slot is another wrapper's: no file of it may be touched. The client starts us again.
            eprintln!("buoy: {why}");
            return 0;
        }
    };
    let ending = match start(slot, args) {
        Ok(driver) => driver.run(),
        Err(error) => {
            let ending = match error {
                StartError::Refused(why) => Ending::failed(exit_code::INIT_FAILURE, why),
                StartError::Host(why) => Ending::host_cannot(0, why),
            };
            eprintln!("buoy: {}", crate::digest::summary(&ending));
            tell_client(slot, &ending);
            ending
        }
    };
    drop(lock);
    ending.process_status()
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

fn start(slot: &Path, args: Args) -> Result<Driver, StartError> {
    let init_data = InitData::read(slot).map_err(|error| StartError::host(&error))?;
    let layout = Layout::new(slot);
    let state = State::read(&layout.state(), &init_data.result_name);
    let mut link = ClientLink::attach(slot, &init_data).map_err(|error| StartError::host(&error))?;
    let assignment = assign(layout.clone(), init_data.clone(), args)?;
    if let Some(port) = assignment.graphics_port {
        link.announce_graphics(GraphicsReply::WebGraphicsUrl(format!("http://localhost:{port}")));
    }
    let job = match state.ending() {
        Some(ending) => {
            // The client did not see it, or it would not have started us.
            tell_client(slot, &ending);
            Job::finished_before(ending)
        }
        None => Job::new(state.host_attempts),
    };
    let limit = Weight {
        bytes: disk_limit(init_data.rsc_disk_bound),
        files: assignment.granted.max_files,
    };
    let terminated = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, terminated.clone()).map_err(|error| StartError::host(&error))?;
    }
    let cancel = Cancel::default();
    let shared = Arc::new(Shared { state: Mutex::new(state), container: Mutex::new(None) });
    let sporadic = assignment.args.sporadic;
    Driver::new(Parts {
        slot: slot.to_owned(),
        state_file: layout.state(),
        init_data,
        sporadic,
        job,
        shared: shared.clone(),
        calls: Calls::new(assignment, shared, cancel.clone()),
        cancel,
        link,
        terminated,
        files: JobFiles::new(layout.work()),
        limits: LimitWatch::new(layout.work(), limit),
    })
    .map_err(|error| StartError::host(&error))
}

fn disk_limit(bound: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    if bound >= 1.0 && bound < 1e18 { bound as u64 } else { u64::MAX }
}

/// Reads job.toml, the policies and the arguments, and refuses what is not allowed.
fn assign(layout: Layout, init_data: InitData, args: Args) -> Result<Assignment, StartError> {
    let slot = &layout.slot;
    let project_dir = &init_data.project_dir;
    let spec = read_spec(slot, &init_data, &args.config)?;
    let policy = read_policy(slot, &init_data)?;
    let trust = trust_of(slot, &args.config, &init_data);
    let granted = policy.grant(&spec, trust, &init_data).map_err(|error| StartError::refused(&error))?;
    let job_args = args.job_args(slot, project_dir).map_err(|error| StartError::refused(&error))?;
    let container = ContainerName::of_result(project_dir, &init_data.result_name)
        .map_err(|error| StartError::refused(&error))?;
    let graphics_port = spec.web_graphics_guest_port.and_then(|_| free_port());
    Ok(Assignment { layout, init_data, args, job_args, spec, granted, container, graphics_port })
}

//! `buoy-assimilate`: takes the outputs of a canonical result, or notes that a workunit failed.
//!
//! An exit other than 0 ends the daemon, which then starts with the same workunit again, and no science app's
//! results are taken any more. After exit 0 the server deletes the outputs. So what is handed over goes into the
//! spool first; 0 is answered when it is there for good, and anything else only if it can't be kept.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use boinc::clock::SystemClock;
use boinc::error_chain::chain;
use boinc::visible::is_terminal_control;

use super::attempts::permanent;
use super::{Shim, write_log};
use crate::invocation::{self, ArgWords, FailedWorkunit, InvocationError, ResultFiles};
use crate::log_line;
use crate::platform::{become_program, detach};
use crate::program::OwnProgram;
use crate::routes::{PublishedRoutes, ROUTES_VARIABLE, Routes};
use crate::session::{CALLS_KEY, Call, Failure, FailureClass, Session};
use crate::spool::{
    ClaimedItem, Item, ItemOutput, OutputState, Put, Spool, SpoolError, VERSION, WorkunitOutcome,
};
use crate::worker::{
    RoundSummary, Steps, Worker, WorkerExit, record_item_error, retry as retry_items, run_steps,
};

/// The only argument of the process that works off the spool.
pub const PROCESS_SPOOL_FLAG: &str = "--process-spool";

/// Stops the daemon: nothing can be kept.
const STOP: u8 = 1;

/// How long the daemon is kept waiting for what should be a few file operations.
const PATIENCE: Duration = Duration::from_secs(5);

/// The worker's log is put aside when it is larger than this.
const LOG_BYTES: u64 = 1 << 20;

/// Whether this process has taken outputs into the spool.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::Relaxed)
}

pub(super) fn run(call: &Call) -> u8 {
    let spool = Spool::for_routes(&call.routes_toml());
    let mut session = Session::new(call);
    if call.argv.get(1).is_some_and(|first| first == PROCESS_SPOOL_FLAG) && call.argv.len() == 2 {
        return process_spool(&mut session, &spool);
    }
    match take(&mut session, &spool) {
        Ok(()) => {
            if !call.inline && Worker::new(&spool).is_needed(call.clock.now()) {
                start_worker(&session, &spool);
            }
            0
        }
        Err(failure) => {
            // For the admin's alert command.
            let _ = session.routes();
            session.failed(&failure, 0.0, 0);
            session.log(&format!("no results are assimilated until this is fixed: {}", failure.message));
            STOP
        }
    }
}

/// The process that works off the spool. The task that starts it every few minutes also keeps submitters informed.
fn process_spool(session: &mut Session, spool: &Spool) -> u8 {
    publish_routes(session);
    let own = match OwnProgram::new() {
        Ok(own) => own,
        Err(error) => {
            session.log(&format!("failed to determine the path of this program: {error}"));
            return STOP;
        }
    };
    match Worker::new(spool).work(session, &own) {
        Ok(WorkerExit::Idle) => 0,
        Ok(WorkerExit::ProgramReplaced) => {
            session.log("this program was replaced; continuing with the new one");
            let error = become_program(Command::new(own.path()).arg(PROCESS_SPOOL_FLAG));
            session
                .log(&format!("failed to start {}: {error}; a later call continues", own.path().display()));
            STOP
        }
        Err(error) => {
            session.log(&chain(&error));
            STOP
        }
    }
}

/// Lets submitters see which science apps have a route. Broken routes are reported when one is needed.
fn publish_routes(session: &Session) {
    let Ok(routes) = Routes::open(&session.call.routes_toml(), session.call.directory) else { return };
    let download = routes.submitter_rules().map_or_else(|| Path::new("../download"), |rules| &rules.download);
    let download = session.call.directory.join(download);
    if !download.is_dir() {
        return;
    }
    if let Err(error) = PublishedRoutes::of(&routes).write(&download) {
        let path = download.join(PublishedRoutes::FILE);
        session.log(&format!("failed to write {}, which submitters read: {error}", path.display()));
    }
}

fn take(session: &mut Session, spool: &Spool) -> Result<(), Failure> {
    let (item, sources) = item_from_arguments(session)?;
    let broken = |error: SpoolError| Failure::new("spool", FailureClass::Permanent, chain(&error));
    let claimed = match spool.put(item, &sources).map_err(broken)? {
        Put::Done => return Ok(()),
        Put::New(claimed) => *claimed,
        // The daemon asks again: so it is tried again.
        Put::Waiting(key) => match spool.claim(&key) {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Ok(()),
            Err(error) => {
                session.log(&chain(&error));
                return Ok(());
            }
        },
    };
    TAKEN.store(true, Ordering::Relaxed);
    let key = claimed.item.key.clone();
    session.succeeded("spool");
    if session.call.inline {
        finish(session, spool, claimed, Steps::All);
    } else {
        finish_with_timeout(session, spool.clone(), claimed);
    }
    if spool.has(&key) {
        // The last worker may have left word that nothing is due for hours.
        Worker::new(spool).wake();
    }
    Ok(())
}

/// Takes the quick steps, but no longer than the daemon can be kept waiting: a file system may hang.
fn finish_with_timeout(session: &Session, spool: Spool, claimed: ClaimedItem) {
    let call = session.call;
    let key = claimed.item.key.clone();
    let directory = call.directory.to_owned();
    let routes = call.routes.map(ToOwned::to_owned);
    let outage = call.outage.map(ToOwned::to_owned);
    let (over, done) = mpsc::channel();
    std::thread::spawn(move || {
        let log = |line: &str| write_log(Shim::Assimilate, line);
        let call = Call {
            argv: &[],
            directory: &directory,
            routes: routes.as_deref(),
            outage: outage.as_deref(),
            inline: false,
            clock: &SystemClock,
            log: &log,
        };
        finish(&mut Session::new(&call), &spool, claimed, Steps::Quick);
        // Nobody listens if it took too long.
        let _ = over.send(());
    });
    if done.recv_timeout(PATIENCE).is_err() {
        session.log(&format!(
            "{key}: collecting takes longer than {} s; it stays in the spool",
            PATIENCE.as_secs()
        ));
    }
}

fn finish(session: &mut Session, spool: &Spool, mut claimed: ClaimedItem, steps: Steps) {
    let now = session.call.clock.now();
    let done = match run_steps(session, &mut claimed, steps) {
        Ok(true) => spool.finish(claimed),
        Ok(false) => Ok(()),
        Err(error) => record_item_error(session, &mut claimed, &error, now),
    };
    if let Err(error) = done {
        // It is safe, and will be found again.
        session.log(&chain(&error));
    }
}

/// What the daemon hands over, and where its outputs are.
fn item_from_arguments(session: &mut Session) -> Result<(Item, Vec<PathBuf>), Failure> {
    let argv = session.call.argv;
    if let Some(failure) = invocation::failure(argv).map_err(permanent)? {
        return Ok((failed(session, &failure), Vec::new()));
    }
    let words = invocation::parse_args(argv).map_err(permanent)?;
    Ok(done(session, &words))
}

fn failed(session: &Session, failure: &FailedWorkunit) -> Item {
    // A name of someone else's making is not trusted as a path.
    let is_plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(['/', '\0'])
            && !name.contains(is_terminal_control)
            && name.len() < 200
    };
    let workunit = if is_plain(&failure.workunit) {
        failure.workunit.clone()
    } else {
        format!("wu_{}", plain_number(&failure.workunit_id))
    };
    Item {
        version: VERSION,
        key: format!("{workunit}.failed-{}", failure.mask),
        workunit,
        instance: None,
        workunit_id: failure.workunit_id.clone(),
        batch_id: is_plain(&failure.batch_id).then(|| failure.batch_id.clone()),
        received: session.call.clock.now(),
        outcome: WorkunitOutcome::Failed { mask: failure.mask },
        outputs: Vec::new(),
    }
}

/// A workunit's number as a part of a file's name, whatever was passed for it.
fn plain_number(id: &str) -> String {
    id.chars().take(20).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn done(session: &mut Session, words: &ArgWords) -> (Item, Vec<PathBuf>) {
    let call = session.call;
    let id = words.first_number.clone().unwrap_or_else(|| "0".to_owned());
    let mut files = match ResultFiles::new(&words.paths) {
        Ok(files) => files,
        Err(error) => {
            session.log(&format!("{error}; the files of workunit {id} are kept by number"));
            ResultFiles::unnamed(&words.paths)
        }
    };
    recover_cut_arguments(session, &mut files, words);
    let workunit = files
        .identity
        .as_ref()
        .map_or_else(|| format!("wu_{}", plain_number(&id)), |(workunit, _)| workunit.clone());
    let instance = files.identity.as_ref().map(|(_, instance)| *instance);
    let mut sources = Vec::new();
    let mut outputs = Vec::new();
    for (number, path) in &files.outputs {
        let position = words.paths.iter().position(|word| word == path);
        outputs.push(ItemOutput {
            number: *number,
            logical_name: position.and_then(|at| words.names.get(at).cloned().flatten()),
            physical_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            state: OutputState::default(),
        });
        sources.push(call.path(path));
    }
    let item = Item {
        version: VERSION,
        key: instance.map_or_else(|| workunit.clone(), |n| format!("{workunit}_{n}")),
        workunit,
        instance,
        workunit_id: id,
        batch_id: None,
        received: call.clock.now(),
        outcome: WorkunitOutcome::Canonical,
        outputs,
    };
    (item, sources)
}

/// Finds the outputs that a cut line has lost, and tells somebody.
fn recover_cut_arguments(session: &mut Session, files: &mut ResultFiles, words: &ArgWords) {
    let routes = session.routes().ok();
    let expected = routes
        .and_then(|routes| routes.find(&routes.subject(files.workunit())).ok())
        .and_then(|routed| routed.route.outputs.map(|outputs| outputs.len()));
    let lost = expected.is_some_and(|expected| files.outputs.len() < expected);
    if !lost && !words.is_cut {
        return;
    }
    let found = expected.map_or(0, |expected| files.complete(expected));
    if words.is_cut {
        let error = InvocationError::cut(session.call.argv);
        let text = match expected {
            Some(_) => format!("{error}; {found} outputs were found by their names"),
            None => format!("{error}; outputs may be lost, since the route does not list them"),
        };
        session.failed(&Failure::new(CALLS_KEY, FailureClass::Permanent, text.clone()), 0.0, 0);
        session.log(&text);
    }
}

/// Starts the process that works off the spool; it outlives us, and the daemon does not wait for it.
fn start_worker(session: &Session, spool: &Spool) {
    if let Err(error) = spawn_worker(session.call, spool) {
        session.log(&format!("failed to start processing the spool: {error}; a later call tries again"));
    }
}

fn spawn_worker(call: &Call, spool: &Spool) -> io::Result<()> {
    let path = spool.directory().join("worker.log");
    let log = log_line::open(&path, LOG_BYTES)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(PROCESS_SPOOL_FLAG).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    if !call.directory.as_os_str().is_empty() {
        command.current_dir(call.directory);
    }
    if let Some(routes) = call.routes {
        command.env(ROUTES_VARIABLE, routes);
    }
    // Else it would keep what the daemon has open: its lock, its connection to the database.
    detach(&mut command);
    command.spawn().map(drop)
}

/// Works on items of the spool now, whether their time has come or not: those of these names, or all if there are none.
///
/// # Errors
/// The spool can't be read or written.
pub fn retry(call: &Call, names: &[String]) -> Result<RoundSummary, SpoolError> {
    let spool = Spool::for_routes(&call.routes_toml());
    retry_items(&mut Session::new(call), &spool, names)
}

//! Child processes with limits, and without what the daemon has open.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, kill_process_group,
    setrlimit, waitid,
};

use crate::platform::Limits;

/// Descriptors that it may have open.
const OPEN_FILES: u64 = 256;

/// Runs a command to its end or its time's, with all it started: what has the file of its call, `call`, in its environment.
/// Gives its exit code, or how else it ended.
///
/// # Errors
/// It could not be started at all.
pub(crate) fn run_confined(
    command: &mut Command,
    limits: &Limits,
    call: &Path,
) -> io::Result<Result<i32, String>> {
    command.process_group(0);
    confine(command, limits);
    let child = command.spawn()?;
    let code = wait(child, limits);
    kill_escaped(call);
    Ok(code)
}

fn wait(mut child: Child, limits: &Limits) -> Result<i32, String> {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a child's number is not 0");
    let (over, ended) = mpsc::channel();
    // It is left unreaped, so that its number stays its own until its group is killed.
    std::thread::spawn(move || {
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        // The receiver is gone if the time was up.
        let _ = over.send(());
    });
    let in_time = !matches!(ended.recv_timeout(limits.timeout), Err(RecvTimeoutError::Timeout));
    // Also after a good end: whatever it has left running must not go on. It is not an error if no process is left.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait().map_err(|error| format!("failed to wait for it: {error}"))?;
    if !in_time {
        return Err(format!("took longer than {} s", limits.timeout.as_secs()));
    }
    code_of(status)
}

/// Ends processes that have left the script's process group: their environment names its call. One that has changed that
/// on purpose stays, with the limits that it has.
fn kill_escaped(call: &Path) {
    // One may be starting another while it is looked for.
    const ROUNDS: usize = 10;
    let mark = [b"BUOY_CALL=", call.as_os_str().as_bytes()].concat();
    let is_marked = |process: &Path| {
        fs::read(process.join("environ"))
            .is_ok_and(|variables| variables.split(|&byte| byte == 0).any(|variable| variable == mark))
    };
    for _ in 0..ROUNDS {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
        let left = processes
            .filter(|process| is_marked(process))
            .filter_map(|process| Pid::from_raw(process.file_name()?.to_str()?.parse().ok()?));
        let left: Vec<Pid> = left.collect();
        if left.is_empty() {
            return;
        }
        for pid in left {
            // That it is gone already is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn code_of(status: ExitStatus) -> Result<i32, String> {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(code),
        (None, Some(signal)) => Err(match Signal::from_named_raw(signal) {
            Some(Signal::XFSZ) => "wrote more than output_mb allows".to_owned(),
            Some(Signal::XCPU) => "used more processor time than timeout_seconds".to_owned(),
            _ => format!("killed by signal {signal}"),
        }),
        (None, None) => Err(format!("{status}")),
    }
}

/// Sets limits and closes what the daemon had open (its database among it).
#[expect(unsafe_code, reason = "limits and descriptors of a child can only be set between fork and exec")]
fn confine(command: &mut Command, limits: &Limits) {
    let seconds = limits.timeout.as_secs().max(1) + 1;
    let all = [
        (Resource::Cpu, seconds),
        // Of private memory that is written: address space is reserved far beyond use by many runtimes.
        (Resource::Data, limits.memory_bytes),
        (Resource::Fsize, limits.output_bytes),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ];
    let set_up = move || {
        for (resource, limit) in all {
            // The daemon's own limits may be lower, and can't be raised.
            let limit = getrlimit(resource).maximum.map_or(limit, |most| limit.min(most));
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
        }
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        close_others_at_exec();
        Ok(())
    };
    // SAFETY: the closure makes system calls only and touches no memory that another thread could hold locked.
    unsafe {
        command.pre_exec(set_up);
    }
}

/// Lets a command that is to outlive us keep nothing of the daemon's.
#[expect(unsafe_code, reason = "descriptors of a child can only be closed between fork and exec")]
pub(crate) fn detach(command: &mut Command) {
    let set_up = || {
        close_others_at_exec();
        rustix::process::setsid().map(drop).map_err(io::Error::from)
    };
    // SAFETY: the closure makes system calls only and touches no memory that another thread could hold locked.
    unsafe {
        command.pre_exec(set_up);
    }
}

/// Marks all descriptors but the first three to be closed.
#[expect(unsafe_code, reason = "raw descriptors of unknown owners are only marked, never used")]
fn close_others_at_exec() {
    // SAFETY: close_range with CLOEXEC changes a flag of descriptors and reads no memory.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, 3_u32, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 {
        return;
    }
    // Kernels before 5.11.
    for descriptor in 3..1_024 {
        // SAFETY: F_SETFD changes a flag of a descriptor; one that is not open is an error without effect.
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

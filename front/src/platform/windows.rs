//! Windows, where the agent runs in a distro of WSL.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, IntoRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use boinc::error_chain::chain;
use boinc::frames::{AGENT_FILE, AGENT_FILE_ARM, Keep};
use boinc::platform::system_directory;
use boinc::wire::channel::AppEnd;
use boinc::wire::init_data::{INIT_DATA_FILE, InitData};
use boinc::wire::segment::SegmentError;
use boinc::wire::slot::{STDERR_FILE, read_link};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, GetStdHandle, STD_ERROR_HANDLE,
    STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetStdHandle,
};
use windows_sys::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::SystemInformation::IMAGE_FILE_MACHINE_ARM64;
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, GetCurrentProcess, IsWow64Process2, OpenProcess,
    PROCESS_SYNCHRONIZE, WaitForSingleObject,
};
use windows_sys::core::BOOL;

use crate::agent::{AgentCommand, KEEP, NoAgent};
use crate::wsl::{self, ENVIRONMENT, Runs, Session, agent_path, quote};

/// Of a process that has nothing to do with this one's console and hears none of its events.
const DETACHED: u32 = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;

/// How long Windows waits for a process that is told to end, before it terminates it.
const END_AT_LOG_OFF: Duration = Duration::from_secs(5);

/// Keeps what others put next to the program out of this process: libraries are loaded from the system's directory only, and
/// no program that is started gets a handle that is not meant for it. To be called before anything else.
///
/// Files of workunits lie in the program's directory, under names that others choose, and Windows looks there first.
pub fn secure_process() {
    // SAFETY: the calls take plain numbers and the process's own handles. Where one fails, nothing has changed.
    unsafe {
        SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
        for stream in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
            SetHandleInformation(GetStdHandle(stream), HANDLE_FLAG_INHERIT, 0);
        }
    }
}

/// The command that starts an agent for the task of this slot.
///
/// # Errors
/// No distro can be used, or WSL cannot reach the slot or the agent's program.
pub fn agent_command(slot: &Path, init_data: &InitData) -> Result<AgentCommand, NoAgent> {
    let no_agent = |error: &dyn std::error::Error| NoAgent { why: chain(error) };
    let runs = if is_service() { Runs::AsService } else { Runs::AsUser };
    let distro = wsl::choose(&init_data.host_info, runs).map_err(|error| no_agent(&error))?;
    let file = if has_arm_processor() { AGENT_FILE_ARM } else { AGENT_FILE };
    let link = read_link(slot, file).map_err(|error| no_agent(&error))?;
    let agent = agent_path(file, link.as_ref().map(|link| link.target.as_path()), &init_data.app_files)
        .map_err(|error| no_agent(&error))?;
    let session = Session::new(distro, &slot.to_string_lossy(), agent).map_err(|error| no_agent(&error))?;
    let system = system_directory().map_err(|error| no_agent(&error))?;
    let mut command = Command::new(system.join("wsl.exe"));
    command.raw_arg(quote(session.arguments(&[]))).envs(ENVIRONMENT).creation_flags(CREATE_NO_WINDOW);
    let program = std::env::current_exe().map_err(|error| no_agent(&error))?;
    let keeper = Rc::new(move |keep: &Keep| {
        let line =
            quote(session.arguments(&[KEEP, &keep.engine, &keep.container, &keep.seconds.to_string()]));
        let mut command = Command::new(&program);
        // A process keeps its directory from being removed.
        command.arg(KEEP).arg(line).current_dir(&system).creation_flags(DETACHED);
        command
    });
    Ok(AgentCommand {
        command,
        keeper,
        explain: wsl::explain,
        memory_help: ": raise \"memory\" in the file .wslconfig of your home directory, then run \"wsl --shutdown\"",
        restart_help: ": run \"wsl --shutdown\", or restart the computer",
    })
}

/// Whether Windows emulates this program on an ARM processor. The systems of WSL are for the processor that is there.
fn has_arm_processor() -> bool {
    let (mut of_process, mut of_computer) = (0, 0);
    // SAFETY: the call writes two numbers, which are there.
    let is_known = unsafe { IsWow64Process2(GetCurrentProcess(), &mut of_process, &mut of_computer) } != 0;
    is_known && of_computer == IMAGE_FILE_MACHINE_ARM64
}

/// Starts `wsl.exe` with the command line of a keeper if the words ask for that. Returns the exit status of this process,
/// which only stands between the front and `wsl.exe`: a client that ends the front's descendants finds them by their parents,
/// and a process whose parent has ended has none.
///
/// A workunit chooses the words of a front that a client starts. So they do not count in a slot.
pub fn keeper_starter(words: &[OsString]) -> Option<i32> {
    let [flag, line] = words else { return None };
    let is_slot = std::env::current_dir().map_or(true, |here| here.join(INIT_DATA_FILE).exists());
    if flag != KEEP || is_slot {
        return None;
    }
    let started = system_directory().and_then(|system| {
        let mut command = Command::new(system.join("wsl.exe"));
        command.raw_arg(line).envs(ENVIRONMENT).current_dir(&system).creation_flags(DETACHED);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    Some(i32::from(started.is_err()))
}

/// Has stderr written to stderr.txt in the slot: a client of Windows starts its apps without standard streams.
///
/// # Errors
/// The file cannot be opened.
pub fn open_stderr(slot: &Path) -> io::Result<()> {
    let file = File::options().append(true).create(true).open(slot.join(STDERR_FILE))?;
    // SAFETY: the handle is open, and stays so to the end of the process.
    if unsafe { SetStdHandle(STD_ERROR_HANDLE, file.into_raw_handle()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

type Tell = Box<dyn Fn() + Send + Sync>;

/// What the console's handler calls, which gets nothing but a number.
static ON_STOP: OnceLock<Tell> = OnceLock::new();

/// Has `tell` called, on a thread of its own, whenever this process is asked to stop. Only the first call of this function
/// counts.
///
/// # Errors
/// Windows does not accept the handler.
pub fn on_stop(tell: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    let _ = ON_STOP.set(Box::new(tell));
    // SAFETY: the handler is a function of this program.
    if unsafe { SetConsoleCtrlHandler(Some(stop), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

unsafe extern "system" fn stop(event: u32) -> BOOL {
    if let Some(tell) = ON_STOP.get() {
        tell();
    }
    if matches!(event, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        // The process is terminated when this returns, and after this time anyway.
        thread::sleep(END_AT_LOG_OFF);
    }
    1
}

/// Attaches the client's shared memory; `None` if init_data.xml names none, as in a run by hand.
///
/// # Errors
/// When init_data.xml names shared memory that cannot be attached.
pub fn attach(_slot: &Path, init_data: &InitData) -> Result<Option<AppEnd>, SegmentError> {
    init_data.comm_obj_name.as_deref().map(AppEnd::attach_named).transpose()
}

/// The client's process.
#[derive(Debug)]
pub enum ClientProcess {
    /// A handle of it, which no other process can get.
    Open(OwnedHandle),
    /// A process of another user that may not be opened: taken to be there, as BOINC's API does.
    Closed,
    /// There is none with this id.
    Gone,
}

impl ClientProcess {
    /// The process that has this id; `None` if no process can have it.
    pub fn open(pid: u32) -> Option<Self> {
        if pid == 0 {
            return None;
        }
        // SAFETY: it takes plain numbers.
        let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid) };
        if !handle.is_null() {
            // SAFETY: the call made it, and it is ours.
            return Some(Self::Open(unsafe { OwnedHandle::from_raw_handle(handle) }));
        }
        let denied = io::Error::last_os_error().raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed());
        Some(if denied { Self::Closed } else { Self::Gone })
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        match self {
            // SAFETY: the handle is open.
            Self::Open(handle) => unsafe { WaitForSingleObject(handle.as_raw_handle(), 0) != WAIT_OBJECT_0 },
            Self::Closed => true,
            Self::Gone => false,
        }
    }
}

/// Whether the client runs as a service: those have a session of their own, without a user.
fn is_service() -> bool {
    let mut session = 1;
    // SAFETY: the number outlives the call.
    let known = unsafe { ProcessIdToSessionId(std::process::id(), &mut session) } != 0;
    known && session == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_ended_is_gone() {
        let mut client = Command::new(system_directory().unwrap().join("cmd.exe"))
            .args(["/c", "pause"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let process = ClientProcess::open(client.id()).unwrap();
        assert!(process.is_there());
        client.kill().unwrap();
        client.wait().unwrap();
        assert!(!process.is_there());
        assert!(ClientProcess::open(0).is_none());
    }
}

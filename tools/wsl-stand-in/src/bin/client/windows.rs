//! The client itself.
#![allow(unsafe_code)]

use std::io::{self, BufRead, Write};
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use boinc::wire::channel::{ChannelName, ClientEnd};
use boinc::wire::init_data::INIT_DATA_FILE;
use boinc::wire::message::{Control, Heartbeat};
use windows_sys::Win32::Foundation::{CloseHandle, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CreateProcessW, GetExitCodeProcess, PROCESS_INFORMATION,
    STARTUPINFOW, TerminateProcess, WaitForSingleObject,
};

/// How often a client looks at its channels, and sends heartbeats. A real one does both once a second; what the front does
/// within a second is to be seen.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const BEAT_EVERY: Duration = Duration::from_secs(1);

pub fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, program @ ..] = &words[..] else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: client NAME PROGRAM [ARGUMENT...]"));
    };
    let slot = Path::new(".").join(INIT_DATA_FILE);
    let init_data = std::fs::read_to_string(&slot)?;
    std::fs::write(&slot, init_data.replace("CLIENT_PID", &std::process::id().to_string()))?;
    let end = ClientEnd::create_named(name).map_err(io::Error::other)?;
    let app = App::start(&program.join(" "))?;
    report(format_args!("started {}", app.pid));
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    play(&end, &app, &requests)
}

fn play(end: &ClientEnd, app: &App, requests: &Receiver<String>) -> io::Result<()> {
    let heartbeat = Heartbeat { alive: true, ..Heartbeat::default() };
    let mut last_beat: Option<Instant> = None;
    let mut unsent: Vec<Control> = Vec::new();
    loop {
        if let Some(status) = app.exit_status()? {
            report(format_args!("exit {status}"));
            return Ok(());
        }
        if let Some(text) = end.channel(ChannelName::AppStatus).take() {
            report(format_args!("status {}", text.replace('\n', "")));
        }
        if last_beat.is_none_or(|last| last.elapsed() >= BEAT_EVERY) {
            last_beat = Some(Instant::now());
            let _ = end.send_heartbeat(&heartbeat);
        }
        if let Some(&control) = unsent.first()
            && end.send_control(control).unwrap_or(true)
        {
            report(format_args!("sent {}", control.tag()));
            unsent.remove(0);
        }
        match requests.recv_timeout(LOOK_EVERY) {
            Ok(line) => match line.trim() {
                "quit" => unsent.push(Control::Quit),
                "abort" => unsent.push(Control::Abort),
                "suspend" => unsent.push(Control::Suspend),
                "resume" => unsent.push(Control::Resume),
                "kill" => app.terminate()?,
                other => report(format_args!("unknown request {other:?}")),
            },
            Err(RecvTimeoutError::Timeout) => {}
            // As if the client had crashed: the program is left alone.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// The program that was started.
struct App {
    handle: OwnedHandle,
    pid: u32,
}

impl App {
    /// Starts it as client/app_start.cpp does: no handles are handed down, so that it has no standard streams.
    fn start(command_line: &str) -> io::Result<Self> {
        let mut line: Vec<u16> = command_line.encode_utf16().chain([0]).collect();
        let startup = STARTUPINFOW { cb: size_of::<STARTUPINFOW>() as u32, ..STARTUPINFOW::default() };
        let mut process = PROCESS_INFORMATION::default();
        let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
        // SAFETY: the command line ends with a zero, and everything outlives the call.
        let done = unsafe {
            CreateProcessW(
                ptr::null(),
                line.as_mut_ptr(),
                ptr::null(),
                ptr::null(),
                0,
                flags,
                ptr::null(),
                ptr::null(),
                &startup,
                &mut process,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has made both handles, and they are ours.
        let handle = unsafe {
            CloseHandle(process.hThread);
            OwnedHandle::from_raw_handle(process.hProcess)
        };
        Ok(Self { handle, pid: process.dwProcessId })
    }

    fn exit_status(&self) -> io::Result<Option<i32>> {
        // SAFETY: the handle is open.
        if unsafe { WaitForSingleObject(self.handle.as_raw_handle(), 0) } != WAIT_OBJECT_0 {
            return Ok(None);
        }
        let mut status = 0;
        // SAFETY: the handle is open, and `status` outlives the call.
        if unsafe { GetExitCodeProcess(self.handle.as_raw_handle(), &mut status) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Some(status.cast_signed()))
    }

    fn terminate(&self) -> io::Result<()> {
        // SAFETY: the handle is open.
        if unsafe { TerminateProcess(self.handle.as_raw_handle(), 0) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

fn report(line: std::fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

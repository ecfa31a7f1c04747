//! Requests to stop: Ctrl-C and Ctrl-Break, and the end of the console or the session.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

/// How long Windows waits for a process that is told to end, before it terminates it.
const END_AT_LOG_OFF: Duration = Duration::from_secs(5);

/// What the console's handler sets, which gets nothing but a number.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Sets the flag when this process is asked to stop, by Ctrl-C too. When it is asked again, it ends at once. Only the first
/// call of this function counts.
///
/// # Errors
/// Windows does not accept the handler.
pub fn stop_sets(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let _ = STOP.set(Arc::clone(stop));
    // SAFETY: the handler is a function of this program.
    if unsafe { SetConsoleCtrlHandler(Some(handle), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// On a thread of its own. An event that is not handled ends the process.
unsafe extern "system" fn handle(event: u32) -> BOOL {
    let asked_before = STOP.get().is_none_or(|stop| stop.swap(true, Ordering::Relaxed));
    if matches!(event, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        // The process is terminated when this returns, and after this time anyway.
        thread::sleep(END_AT_LOG_OFF);
    }
    BOOL::from(!asked_before)
}

/// Has something called whenever a run is asked to stop: none runs here.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn on_stop(_tell: impl Fn() + Send + 'static) -> io::Result<StopWatch> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Has no value.
#[derive(Debug)]
pub enum StopWatch {}

impl StopWatch {
    /// Waits no longer.
    pub fn close(&self) {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_sets_the_flag_and_the_second_is_left_to_windows() {
        let stop = Arc::new(AtomicBool::new(false));
        stop_sets(&stop).unwrap();
        // SAFETY: it takes a plain number.
        assert_eq!(unsafe { handle(0) }, 1);
        assert!(stop.load(Ordering::Relaxed));
        // SAFETY: it takes a plain number.
        assert_eq!(unsafe { handle(0) }, 0);
    }
}

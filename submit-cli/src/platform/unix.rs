//! Linux and macOS.

use std::borrow::Cow;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::Signal;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};

/// The signals that ask to stop.
const STOPPING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals by which others than a program itself end it.
pub const OUTSIDE_SIGNALS: [i32; 6] = [
    Signal::HUP.as_raw(),
    Signal::INT.as_raw(),
    Signal::QUIT.as_raw(),
    Signal::KILL.as_raw(),
    Signal::TERM.as_raw(),
    Signal::STOP.as_raw(),
];

/// The name that a program finds itself called by.
pub fn call_by(command: &mut Command, name: &str) {
    command.arg0(name);
}

/// Whether something listens at a socket.
///
/// # Errors
/// Nothing does, or this user may not talk to it.
pub fn connect(socket: &Path) -> io::Result<()> {
    UnixStream::connect(socket).map(drop)
}

/// When a file was last written, and when anything of it last changed: seconds and nanoseconds since 1970.
///
/// # Errors
/// The kernel's answer.
pub fn times_of(path: &Path) -> io::Result<[(i64, i64); 2]> {
    let data = path.metadata()?;
    Ok([(data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec())])
}

/// The path of a file or directory from the root, without links.
///
/// # Errors
/// The kernel's answer.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// A path in a text that is the same on each system.
pub fn path_text(path: &Path) -> Option<Cow<'_, str>> {
    path.to_str().map(Cow::Borrowed)
}

/// Whether a file or directory can have this name, as far as the system is concerned.
pub fn can_be_named(_name: &str) -> bool {
    true
}

/// Whether a file is meant to be run.
pub fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.mode() & 0o111 != 0)
}

/// The permission bits of a file or directory that holds secrets.
///
/// # Errors
/// The kernel's answer.
pub fn mode_of_secret(path: &Path) -> io::Result<u32> {
    Ok(path.metadata()?.mode() & 0o777)
}

/// Where buoy keeps what the user has set.
pub fn config_directory() -> Option<PathBuf> {
    below("XDG_CONFIG_HOME", ".config")
}

/// Where buoy keeps what the user has done.
pub fn state_directory() -> Option<PathBuf> {
    below("XDG_STATE_HOME", ".local/state")
}

/// Where buoy keeps what it can make again.
pub fn cache_directory() -> Option<PathBuf> {
    below("XDG_CACHE_HOME", ".cache")
}

fn below(variable: &str, in_home: &str) -> Option<PathBuf> {
    // An empty or relative path there is to be ignored, by the specification.
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(absolute(variable).or_else(|| Some(absolute("HOME")?.join(in_home)))?.join("buoy"))
}

/// Sets the flag when this process is asked to stop, by Ctrl-C too. When it is asked again, it ends at once.
///
/// # Errors
/// The system refuses handlers.
pub fn stop_sets(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in STOPPING {
        flag::register_conditional_default(signal, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

/// Has `tell` called, on a thread of its own, whenever this process is asked to stop.
///
/// # Errors
/// The system refuses handlers.
pub fn on_stop(tell: impl Fn() + Send + 'static) -> io::Result<StopWatch> {
    let mut signals = Signals::new(STOPPING)?;
    let handle = signals.handle();
    std::thread::spawn(move || signals.forever().for_each(|_| tell()));
    Ok(StopWatch(handle))
}

/// What waits for requests to stop.
#[derive(Debug)]
pub struct StopWatch(Handle);

impl StopWatch {
    /// Waits no longer.
    pub fn close(&self) {
        self.0.close();
    }
}

/// Makes a directory for this user alone, with the directories above it.
///
/// # Errors
/// The kernel's answer.
pub fn make_private_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes or empties a file for this user alone.
///
/// # Errors
/// The kernel's answer.
pub fn write_private(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was there could have another mode.
    boinc::platform::set_mode(path, 0o600)?;
    Ok(file)
}

/// The number of the user who started this program.
pub fn real_user() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The kernel's release.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// A terminal, for reading and writing.
pub type Terminal = File;

/// The terminal of this process.
///
/// # Errors
/// There is none.
pub fn terminal() -> io::Result<Terminal> {
    File::options().read(true).write(true).open("/dev/tty")
}

/// A terminal that does not show what is typed; as it was when dropped.
#[derive(Debug)]
pub struct Hidden<'a> {
    terminal: &'a Terminal,
    before: Termios,
}

impl<'a> Hidden<'a> {
    /// Hides what is typed from now on. Keys arrive one by one, and Ctrl-C as a key: nothing can end the program with the
    /// terminal left silent.
    ///
    /// # Errors
    /// It is not a terminal.
    pub fn new(terminal: &'a Terminal) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // The terminal is gone if this fails.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

//! Linux and macOS.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

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

/// Has an empty file share the blocks of another, on file systems that know that.
///
/// # Errors
/// The file system does not.
pub fn share_blocks(file: &File, source: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(file, source)?)
}

/// When a file was last written, and when anything of it last changed: seconds and nanoseconds since 1970.
pub fn times_of(data: &Metadata) -> [(i64, i64); 2] {
    [(data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec())]
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

/// The terminal of this process, for reading and writing.
///
/// # Errors
/// There is none.
pub fn terminal() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}

/// A terminal that does not show what is typed; as it was when dropped.
#[derive(Debug)]
pub struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    /// Hides what is typed from now on. Keys arrive one by one, and Ctrl-C as a key: nothing can end the program with the
    /// terminal left silent.
    ///
    /// # Errors
    /// It is not a terminal.
    pub fn new(terminal: &'a File) -> io::Result<Self> {
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

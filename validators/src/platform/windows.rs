//! Windows, where submitters try rules.

use std::fs::{self, File};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Time since this was first asked: rules of the submitter's own have no budget, so nothing depends on it.
pub(crate) fn cpu_time() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Whether opening a file has failed because it is a link: `boinc::platform::open_no_follow` says so.
pub(crate) fn is_link_error(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
}

/// Makes or empties a file. It has the rights that its directory hands down.
pub(crate) fn write_private(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// Makes a directory, with the directories above it, unless it is there. It has the rights that the one above hands down.
pub(crate) fn make_private_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Changes nothing: a file has no permission bits.
pub(crate) fn set_file_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Reads a file at a place. Its own position is behind that then.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// No program takes the place of this one.
pub(crate) fn become_program(_command: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

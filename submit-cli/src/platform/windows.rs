//! Windows, where submitters send jobs and fetch their results. Jobs run on Linux only, and so do a project's servers: what is
//! needed for those alone says so.

mod stop;
mod terminal;
mod times;
mod wsl;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf, Prefix};
use std::process::Command;

use boinc::names::windows::fault_of;
use rustls::pki_types::CertificateDer;

pub use stop::{StopWatch, on_stop, stop_sets};
pub use terminal::{Hidden, terminal};
pub use times::times_of;
pub use wsl::{LINUX_HELP, run_on_linux};

/// Whether jobs and the programs of a project's server run on this system.
pub const RUNS_JOBS: bool = false;

/// The certificates that this system trusts. Those that cannot be read are left out, as other programs do.
pub fn trusted_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Signals by which others than a program itself end it: Windows has none.
pub const OUTSIDE_SIGNALS: [i32; 0] = [];

/// A program finds itself called by its path.
pub fn call_by(_command: &mut Command, _name: &str) {}

/// Whether something listens at a socket of Unix.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn connect(_socket: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Has an empty file share the blocks of another, which NTFS cannot.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn share_blocks(_file: &File, _source: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The path of a file or directory from the root, without links. As users write it: without the prefix `\\?\`, behind which
/// a slash would be a character of a name.
///
/// # Errors
/// The kernel's answer.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    Ok(plain(&path.canonicalize()?))
}

fn plain(path: &Path) -> PathBuf {
    let mut parts = path.components();
    let root = match parts.next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::VerbatimDisk(drive) => format!("{}:\\", char::from(drive)),
            Prefix::VerbatimUNC(server, share) => match (server.to_str(), share.to_str()) {
                (Some(server), Some(share)) => format!("\\\\{server}\\{share}\\"),
                _ => return path.to_owned(),
            },
            _ => return path.to_owned(),
        },
        _ => return path.to_owned(),
    };
    let mut plain = PathBuf::from(root);
    plain.extend(parts.filter(|part| *part != Component::RootDir));
    plain
}

/// A path in a text that is the same on each system: with slashes, which Windows takes too.
pub fn path_text(path: &Path) -> Option<Cow<'_, str>> {
    let text = path.to_str()?;
    let has_prefix =
        matches!(path.components().next(), Some(Component::Prefix(prefix)) if prefix.kind().is_verbatim());
    Some(if has_prefix || !text.contains('\\') {
        Cow::Borrowed(text)
    } else {
        text.replace('\\', "/").into()
    })
}

/// Whether a file or directory can have this name, as far as the system is concerned: those of devices it cannot.
pub fn can_be_named(name: &str) -> bool {
    fault_of(name).is_none()
}

/// Whether a file is meant to be run on Linux: Windows has no such permission, so its first bytes decide.
pub fn is_program(path: &Path) -> bool {
    const SCRIPT: &[u8] = b"#!";
    const ELF: &[u8] = b"\x7fELF";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(ELF.len() as u64).read_to_end(&mut start));
    read.is_ok() && (start.starts_with(SCRIPT) || start.starts_with(ELF))
}

/// The permission bits of a file or directory that holds secrets. It has the rights that its directory hands down, and that is
/// in the user's profile, which other users cannot open.
///
/// # Errors
/// It is not there.
pub fn mode_of_secret(path: &Path) -> io::Result<u32> {
    path.metadata().map(|data| if data.is_dir() { 0o700 } else { 0o600 })
}

/// Makes a directory, with the directories above it. It has the rights that the one above hands down.
///
/// # Errors
/// The kernel's answer.
pub fn make_private_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Makes or empties a file. It has the rights that its directory hands down.
///
/// # Errors
/// The kernel's answer.
pub fn write_private(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// Where buoy keeps what the user has set.
pub fn config_directory() -> Option<PathBuf> {
    in_profile("APPDATA", "buoy")
}

/// Where buoy keeps what the user has done.
pub fn state_directory() -> Option<PathBuf> {
    in_profile("LOCALAPPDATA", "buoy\\state")
}

/// Where buoy keeps what it can make again.
pub fn cache_directory() -> Option<PathBuf> {
    in_profile("LOCALAPPDATA", "buoy\\cache")
}

fn in_profile(variable: &str, name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())?;
    Some(directory.join(name))
}

/// The number of the user who started this program, which Windows does not have.
pub fn real_user() -> u32 {
    boinc::platform::user().uid
}

/// The kernel's release.
pub fn kernel_release() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolved_paths_are_as_users_write_them() {
        for (path, expected) in [
            (r"\\?\C:\Users\me\a b", r"C:\Users\me\a b"),
            (r"\\?\C:\", r"C:\"),
            (r"\\?\UNC\server\share\x", r"\\server\share\x"),
            (r"C:\x", r"C:\x"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
        let directory = tempfile::tempdir().unwrap();
        let resolved = resolved(directory.path()).unwrap();
        assert!(resolved.is_dir() && !resolved.to_str().unwrap().starts_with(r"\\?\"), "{resolved:?}");
    }

    #[test]
    fn paths_in_texts_have_slashes() {
        assert_eq!(path_text(Path::new(r"a\b/c")).unwrap(), "a/b/c");
        assert_eq!(path_text(Path::new(r"\\?\C:\x")).unwrap(), r"\\?\C:\x");
    }

    #[test]
    fn scripts_and_programs_of_linux_are_meant_to_be_run() {
        let directory = tempfile::tempdir().unwrap();
        for (text, expected) in
            [("#!/bin/sh\n", true), ("\x7fELF\x02", true), ("MZ", false), ("", false), ("#", false)]
        {
            let file = directory.path().join("file");
            fs::write(&file, text).unwrap();
            assert_eq!(is_program(&file), expected, "{text:?}");
        }
        assert!(!is_program(&directory.path().join("absent")));
    }
}
